// SPDX-License-Identifier: Apache-2.0
#include "rules/domain_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "rules/domain_format.h"

namespace weir::rules {

namespace {

constexpr std::size_t kTldSlots = 512;
constexpr std::size_t kProbes = 8; // names looked up together

std::size_t tld_slot(std::string_view label) noexcept {
  std::uint32_t h = 2166136261U;
  for (char c : label) {
    h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return (h ^ h >> 15) % kTldSlots;
}

std::uint32_t read_u32(const char* at) noexcept {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

char fold(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Whether [at, at + size) lies within a file of `whole` bytes.
bool within(std::uint64_t at, std::uint64_t size, std::size_t whole) noexcept {
  return at <= whole && size <= whole - at;
}

} // namespace

/// A host made ready: folded, encoded from the right, with the borders of its parents.
struct DomainSet::Query {
  std::array<char, kMaxName> name;
  std::array<std::uint8_t, kCodeRoom> code;
  std::array<Parent, kMaxLabels + 1> parents; // of 1, 2, ... labels
  std::size_t size = 0;
  std::size_t depth = 0; // parents known
  std::uint8_t tld = 0;
  bool whole = false; // parents[depth - 1] is the host itself

  std::string_view from(std::size_t start) const { return {name.data() + start, size - start}; }
  bool is_self(std::size_t n) const { return whole && n == depth; }
};

/// A look-up of one name on its way.
struct DomainSet::Probe {
  Parent parent;
  std::uint8_t wanted; // the bit of DomainKind that counts
  std::uint32_t bucket;
};

Result<Ref<const DomainSet>> DomainSet::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(errno == ENOENT ? Code::not_found : Code::io, Side::self, errno);
  }
  auto set = map(fd);
  ::close(fd);
  return set;
}

Result<Ref<const DomainSet>> DomainSet::map(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) {
    return fail(Code::io, Side::self, errno);
  }
  auto size = static_cast<std::size_t>(st.st_size);
  if (st.st_size < static_cast<off_t>(sizeof(SetHeader))) {
    return fail(Code::corrupt);
  }
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) {
    return fail(Code::io, Side::self, errno);
  }
  auto set = make_ref<DomainSet>(std::string_view(static_cast<const char*>(at), size));
  if (auto ok = set->check(); !ok) {
    return fail(ok.error());
  }
  // Look-ups touch one page here and there: read-ahead would only push others out.
  ::madvise(at, size, MADV_RANDOM);
  return Ref<const DomainSet>(std::move(set));
}

DomainSet::~DomainSet() { ::munmap(const_cast<char*>(file_.data()), file_.size()); }

Result<void> DomainSet::check() {
  SetHeader h;
  std::memcpy(&h, file_.data(), sizeof h);
  if (h.magic != kSetMagic || h.version != kSetVersion || h.endian != kSetEndian) {
    return fail(Code::unsupported);
  }
  std::size_t whole = file_.size();
  if (h.checksum != set_checksum(file_) || h.buckets == 0 || h.line_width < 1 || h.line_width > 4 ||
      !within(sizeof h, h.data_size, whole) ||
      !within(h.offsets_at, (std::uint64_t{h.buckets} + 1) * 4, whole) ||
      !within(h.tlds_at, h.tlds_size, whole) || !within(h.meta_at, h.meta_size, whole)) {
    return fail(Code::corrupt);
  }
  key_ = {h.hash_k0, h.hash_k1};
  entries_ = h.entries;
  exact_depths_ = h.exact_depths;
  under_depths_ = h.under_depths;
  data_ = file_.substr(sizeof h, h.data_size);
  offsets_ = file_.data() + h.offsets_at;
  buckets_ = h.buckets;
  line_width_ = h.line_width;
  meta_ = file_.substr(h.meta_at, h.meta_size);
  std::uint32_t before = 0;
  for (std::size_t i = 0; i <= buckets_; ++i) {
    std::uint32_t at = read_u32(offsets_ + i * 4);
    if (at < before || at > data_.size()) {
      return fail(Code::corrupt);
    }
    before = at;
  }
  return read_tlds(file_.substr(h.tlds_at, h.tlds_size));
}

Result<void> DomainSet::read_tlds(std::string_view bytes) {
  tld_table_.assign(kTldSlots, 0);
  while (!bytes.empty()) {
    std::size_t size = static_cast<unsigned char>(bytes[0]);
    if (size >= bytes.size() || tlds_.size() == kMaxTlds) {
      return fail(Code::corrupt);
    }
    tlds_.push_back(bytes.substr(1, size));
    bytes.remove_prefix(1 + size);
    std::size_t slot = tld_slot(tlds_.back());
    while (tld_table_[slot] != 0) {
      slot = (slot + 1) % kTldSlots;
    }
    tld_table_[slot] = static_cast<std::uint8_t>(tlds_.size());
  }
  return {};
}

std::uint8_t DomainSet::tld_number(std::string_view label) const noexcept {
  for (std::size_t slot = tld_slot(label); tld_table_[slot] != 0; slot = (slot + 1) % kTldSlots) {
    if (tlds_[tld_table_[slot] - 1U] == label) {
      return tld_table_[slot];
    }
  }
  return 0;
}

void DomainSet::read_host(std::string_view host, Query& q) const noexcept {
  if (!host.empty() && host.back() == '.') {
    host.remove_suffix(1);
  }
  // A host longer than any name can still lie under a listed one: its end is looked at.
  bool cut = host.size() > kMaxName;
  if (cut) {
    host.remove_prefix(host.size() - kMaxName);
  }
  q.size = host.size();
  char* to = q.name.data();
  for (char c : host) {
    *to++ = fold(c);
  }
  std::string_view name = q.from(0);
  std::size_t dot = name.rfind('.');
  std::size_t left = dot == std::string_view::npos ? 0 : dot + 1;
  q.tld = tld_number(name.substr(left));
  if (q.tld == 0) {
    left = name.size();
  } else if (left != 0) {
    q.parents[q.depth++] = {static_cast<std::uint16_t>(left), 0};
    --left; // the dot before a dictionary word is not coded
  }
  CodeWriter code(q.code.data());
  bool clean = !name.empty();
  while (left > 0 && q.depth < kMaxLabels) {
    char c = name[--left];
    CharCode cc = kCharCodes[static_cast<unsigned char>(c)];
    if (cc.bits == 0) {
      clean = false;
      break;
    }
    if (c == '.') {
      if (left + 1 == name.size() || name[left + 1] == '.') { // no entry has an empty label
        clean = false;
        break;
      }
      q.parents[q.depth++] = {static_cast<std::uint16_t>(left + 1),
                              static_cast<std::uint16_t>(code.bits())};
    }
    code.put(cc);
  }
  if (clean && !cut && left == 0 && name[0] != '.') {
    q.parents[q.depth++] = {0, static_cast<std::uint16_t>(code.bits())};
    q.whole = true;
  }
  code.finish();
}

std::optional<DomainHit> DomainSet::find(std::string_view host) const noexcept {
  Query q;
  read_host(host, q);
  // The most exact name first, some at a time.
  for (std::size_t n = q.depth; n > 0;) {
    std::size_t to = n > kProbes ? n - kProbes : 0;
    if (auto hit = probe(q, n, to)) {
      return hit;
    }
    n = to;
  }
  return {};
}

/// Looks up the names of `from` labels down to `to` + 1. Memory is what a look-up waits for, so all
/// of them are asked for before the first one is read.
std::optional<DomainHit> DomainSet::probe(const Query& q, std::size_t from,
                                          std::size_t to) const noexcept {
  std::array<Probe, kProbes> probes;
  std::size_t count = 0;
  for (std::size_t n = from; n > to; --n) {
    bool self = q.is_self(n);
    std::uint64_t depths = self ? exact_depths_ : under_depths_;
    if ((depths >> (n < 64 ? n - 1 : 63) & 1) == 0) {
      continue;
    }
    Probe& p = probes[count++];
    p.parent = q.parents[n - 1];
    p.wanted = static_cast<std::uint8_t>(self ? DomainKind::exact : DomainKind::under);
    auto hash = static_cast<std::uint32_t>(siphash64(key_, q.from(p.parent.start)) >> 32);
    p.bucket = bucket_of(hash, buckets_);
    __builtin_prefetch(offsets_ + std::size_t{p.bucket} * 4);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const char* at = data_.data() + read_u32(offsets_ + std::size_t{probes[i].bucket} * 4);
    __builtin_prefetch(at);
    __builtin_prefetch(at + 64);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (auto hit = scan(q, probes[i])) {
      return hit;
    }
  }
  return {};
}

std::optional<DomainHit> DomainSet::scan(const Query& q, const Probe& p) const noexcept {
  const char* offset = offsets_ + std::size_t{p.bucket} * 4;
  const char* at = data_.data() + read_u32(offset);
  const char* end = data_.data() + read_u32(offset + 4);
  std::size_t whole = p.parent.bits / 8U;
  unsigned rest = p.parent.bits % 8U;
  auto last = static_cast<std::uint8_t>(q.code[whole] | 0xffU >> rest);
  std::size_t size = whole + (rest != 0 ? 1 : 0);
  while (end - at >= 2) {
    auto tld = static_cast<std::uint8_t>(at[0]);
    auto second = static_cast<std::uint8_t>(at[1]);
    std::size_t length = second & 0x3fU;
    at += 2;
    if (length == kLongCode) {
      length += at < end ? static_cast<std::uint8_t>(*at) : 0U;
      ++at;
    }
    if (end - at < static_cast<std::ptrdiff_t>(length + line_width_)) {
      return {}; // not what the builder writes
    }
    if (tld == q.tld && length == size && (second >> 6 & p.wanted) != 0 &&
        std::memcmp(at, q.code.data(), whole) == 0 &&
        (rest == 0 || static_cast<std::uint8_t>(at[whole]) == last)) {
      DomainHit hit;
      hit.kind = static_cast<DomainKind>(second >> 6);
      hit.name_size = q.size - p.parent.start;
      for (std::uint32_t i = 0; i < line_width_; ++i) {
        hit.line |= std::uint32_t{static_cast<std::uint8_t>(at[length + i])} << (8 * i);
      }
      return hit;
    }
    at += length + line_width_;
  }
  return {};
}

} // namespace weir::rules
