// SPDX-License-Identifier: Apache-2.0
#include "rules/domain_build.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace weir::rules {

namespace {

constexpr std::size_t kExtent = 64 * 1024;
constexpr std::uint64_t kPerBucket = 8;
constexpr std::size_t kRecordHead = 11; // hash, line, dictionary number, kind, code length

Result<void> write_all(int fd, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return fail(Code::io, Side::self, n < 0 ? errno : ENOSPC);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

/// One name in a part: where its record is. Sorted by hash, then name, then line.
struct Item {
  std::uint32_t hash;
  std::uint32_t at;
};

struct Record {
  std::uint32_t line;
  std::uint8_t kind;
  std::string_view name; // dictionary number, code length, code: equal for equal names

  static Record read(const char* at) {
    Record r;
    std::memcpy(&r.line, at + 4, 4);
    r.kind = static_cast<std::uint8_t>(at[8]);
    r.name = {at + 9, 2U + static_cast<std::uint8_t>(at[10])};
    return r;
  }
};

template <class T> void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

} // namespace

bool is_domain_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxName) {
    return false;
  }
  std::size_t label = 0;
  for (char c : name) {
    if (c == '.') {
      if (label == 0) {
        return false;
      }
      label = 0;
    } else if (++label > 63 || kCharCodes[static_cast<unsigned char>(c)].bits == 0) {
      return false;
    }
  }
  return label != 0;
}

/// What is written, and how far.
struct DomainSetBuilder::Output {
  int fd = -1;
  std::uint64_t at = sizeof(SetHeader); // of buffer's first byte
  std::string buffer;
  std::uint32_t buckets = 1;
  std::uint32_t line_width = 1;
  std::uint64_t entries = 0;
  std::vector<std::uint32_t> offsets;

  std::uint64_t position() const { return at + buffer.size(); }
  Result<void> flush() {
    auto done = write_all(fd, buffer, at);
    at += buffer.size();
    buffer.clear();
    return done;
  }
  /// The buckets up to and with `bucket` begin here, as far as they have not begun.
  void begin(std::uint32_t bucket) {
    while (offsets.size() <= bucket) {
      offsets.push_back(static_cast<std::uint32_t>(position() - sizeof(SetHeader)));
    }
  }
  void entry(const Record& r, std::uint8_t kind) {
    std::size_t length = r.name.size() - 2;
    buffer += r.name[0];
    buffer += static_cast<char>(std::size_t{kind} << 6 | std::min(length, kLongCode));
    if (length >= kLongCode) {
      buffer += static_cast<char>(length - kLongCode);
    }
    buffer += r.name.substr(2);
    for (std::uint32_t i = 0; i < line_width; ++i) {
      buffer += static_cast<char>(r.line >> (8 * i));
    }
    ++entries;
  }
};

DomainSetBuilder::DomainSetBuilder(std::string path)
    : path_(std::move(path)), temporary_(path_ + ".new"), key_(HashKey::random()) {}

DomainSetBuilder::~DomainSetBuilder() {
  if (spill_fd_ >= 0) {
    ::close(spill_fd_);
  }
}

std::uint8_t DomainSetBuilder::tld_number(std::string_view label) {
  // A word longer than any real one would only fill the dictionary.
  if (label.size() > 24) {
    return 0;
  }
  std::string word(label);
  if (auto known = tlds_.find(word); known != tlds_.end()) {
    return known->second;
  }
  if (tld_names_.size() == kMaxTlds) {
    return 0;
  }
  tld_names_.push_back(word);
  auto number = static_cast<std::uint8_t>(tld_names_.size());
  tlds_.emplace(std::move(word), number);
  return number;
}

bool DomainSetBuilder::add(std::string_view name, DomainKind kind, std::uint32_t line) {
  if (!is_domain_name(name)) {
    return false;
  }
  std::size_t dot = name.rfind('.');
  std::uint8_t tld = tld_number(name.substr(dot == std::string_view::npos ? 0 : dot + 1));
  std::array<std::uint8_t, kCodeRoom> code;
  CodeWriter writer(code.data());
  std::size_t left = tld == 0 ? name.size() : dot == std::string_view::npos ? 0 : dot;
  while (left > 0) {
    writer.put(kCharCodes[static_cast<unsigned char>(name[--left])]);
  }
  writer.finish();
  std::size_t length = (writer.bits() + 7) / 8;
  if (writer.bits() % 8 != 0) {
    code[length - 1] = static_cast<std::uint8_t>(code[length - 1] | 0xffU >> writer.bits() % 8);
  }
  auto depth = static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
  std::uint64_t depth_bit = std::uint64_t{1} << std::min<std::size_t>(depth, 63);
  auto bits = static_cast<std::uint8_t>(kind);
  exact_depths_ |= (bits & 1) != 0 ? depth_bit : 0;
  under_depths_ |= (bits & 2) != 0 ? depth_bit : 0;

  auto hash = static_cast<std::uint32_t>(siphash64(key_, name) >> 32);
  Part& part = parts_[hash >> 26];
  put(part.buffer, hash);
  put(part.buffer, line);
  put(part.buffer, bits);
  put(part.buffer, tld);
  put(part.buffer, static_cast<std::uint8_t>(length));
  part.buffer.append(reinterpret_cast<const char*>(code.data()), length);
  if (part.buffer.size() >= kExtent && !path_.empty() && broken_.code == Code::none) {
    if (auto done = spill(part); !done) {
      broken_ = done.error();
    }
  }
  last_line_ = std::max(last_line_, line);
  ++added_;
  return true;
}

Result<void> DomainSetBuilder::spill(Part& part) {
  if (spill_fd_ < 0) {
    std::string name = path_ + ".spill";
    spill_fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (spill_fd_ < 0) {
      return fail(Code::io, Side::self, errno);
    }
    ::unlink(name.c_str());
  }
  if (auto done = write_all(spill_fd_, std::string_view(part.buffer).substr(0, kExtent), spilled_);
      !done) {
    return done;
  }
  part.extents.push_back(spilled_);
  spilled_ += kExtent;
  part.buffer.erase(0, kExtent);
  return {};
}

Result<std::string> DomainSetBuilder::load(const Part& part) const {
  std::string records(part.extents.size() * kExtent, '\0');
  for (std::size_t i = 0; i < part.extents.size(); ++i) {
    std::size_t done = 0;
    while (done < kExtent) {
      ssize_t n = ::pread(spill_fd_, records.data() + i * kExtent + done, kExtent - done,
                          static_cast<off_t>(part.extents[i] + done));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n <= 0) {
        return fail(Code::io, Side::self, n < 0 ? errno : EIO);
      }
      done += static_cast<std::size_t>(n);
    }
  }
  records += part.buffer;
  return records;
}

Result<void> DomainSetBuilder::write_part(const std::string& records, Output& out) {
  std::vector<Item> items;
  for (std::size_t at = 0; at < records.size();) {
    Item item{};
    std::memcpy(&item.hash, records.data() + at, 4);
    item.at = static_cast<std::uint32_t>(at);
    items.push_back(item);
    at += kRecordHead + static_cast<std::uint8_t>(records[at + 10]);
  }
  auto record = [&](const Item& item) { return Record::read(records.data() + item.at); };
  std::sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
    if (a.hash != b.hash) {
      return a.hash < b.hash;
    }
    Record ra = record(a);
    Record rb = record(b);
    return ra.name != rb.name ? ra.name < rb.name : ra.line < rb.line;
  });
  std::string_view name;
  std::uint8_t covered = 0; // what earlier lines of the same name cover
  for (const Item& item : items) {
    Record r = record(item);
    if (r.name != name) {
      name = r.name;
      covered = 0;
    }
    auto fresh = static_cast<std::uint8_t>(r.kind & ~covered);
    if (fresh == 0) {
      continue;
    }
    covered |= r.kind;
    out.begin(bucket_of(item.hash, out.buckets));
    out.entry(r, fresh);
    if (out.buffer.size() >= 4 * kExtent) {
      if (auto done = out.flush(); !done) {
        return done;
      }
    }
  }
  return {};
}

Result<void> DomainSetBuilder::finish(Output& out) {
  out.begin(out.buckets); // and where the last one ends
  SetHeader h{};
  h.magic = kSetMagic;
  h.version = kSetVersion;
  h.endian = kSetEndian;
  h.hash_k0 = key_.k0;
  h.hash_k1 = key_.k1;
  h.entries = out.entries;
  h.exact_depths = exact_depths_;
  h.under_depths = under_depths_;
  h.data_size = out.position() - sizeof h;
  h.buckets = out.buckets;
  h.line_width = out.line_width;
  if (h.data_size > UINT32_MAX) {
    return fail(Code::too_large);
  }
  out.buffer.append((8 - out.position() % 8) % 8, '\0');
  h.offsets_at = out.position();
  if (auto done = out.flush(); !done) {
    return done;
  }
  std::string_view offsets(reinterpret_cast<const char*>(out.offsets.data()),
                           out.offsets.size() * sizeof(std::uint32_t));
  if (auto done = write_all(out.fd, offsets, out.at); !done) {
    return done;
  }
  out.at += offsets.size();
  h.tlds_at = out.position();
  for (const auto& word : tld_names_) {
    out.buffer += static_cast<char>(word.size());
    out.buffer += word;
  }
  h.tlds_size = out.position() - h.tlds_at;
  h.meta_at = out.position();
  h.meta_size = meta_.size();
  out.buffer += meta_;
  if (auto done = out.flush(); !done) {
    return done;
  }
  auto write_header = [&] {
    return write_all(out.fd, {reinterpret_cast<const char*>(&h), sizeof h}, 0);
  };
  if (auto done = write_header(); !done) {
    return done;
  }
  void* at = ::mmap(nullptr, out.at, PROT_READ, MAP_SHARED, out.fd, 0);
  if (at == MAP_FAILED) {
    return fail(Code::io, Side::self, errno);
  }
  h.checksum = set_checksum({static_cast<const char*>(at), out.at});
  ::munmap(at, out.at);
  return write_header();
}

Result<Ref<const DomainSet>> DomainSetBuilder::build() {
  if (broken_.code != Code::none) {
    return fail(broken_);
  }
  int fd = path_.empty() ? ::memfd_create("weir-list", MFD_CLOEXEC)
                         : ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(Code::io, Side::self, errno);
  }
  Output out;
  out.fd = fd;
  out.buckets =
      static_cast<std::uint32_t>(std::clamp<std::uint64_t>(added_ / kPerBucket, 1, UINT32_MAX / 8));
  while (out.line_width < 4 && last_line_ >> (8 * out.line_width) != 0) {
    ++out.line_width;
  }
  out.offsets.reserve(std::size_t{out.buckets} + 1);
  Result<void> done;
  for (auto& part : parts_) {
    auto records = load(part);
    part = Part{};
    done = records ? write_part(*records, out) : Result<void>(fail(records.error()));
    if (!done) {
      break;
    }
  }
  if (done) {
    done = finish(out);
  }
  auto set = done ? install(fd) : Result<Ref<const DomainSet>>(fail(done.error()));
  ::close(fd);
  if (!set && !path_.empty()) {
    ::unlink(temporary_.c_str());
  }
  return set;
}

/// Maps first, so that only a good file takes the former one's place.
Result<Ref<const DomainSet>> DomainSetBuilder::install(int fd) {
  auto set = DomainSet::map(fd);
  if (set && !path_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return fail(Code::io, Side::self, errno);
  }
  return set;
}

} // namespace weir::rules
