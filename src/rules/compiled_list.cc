// SPDX-License-Identifier: Apache-2.0
#include "rules/compiled_list.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/account.h"
#include "base/hash.h"
#include "rules/domain_build.h"
#include "rules/list_reader.h"

namespace weir::rules {

namespace {

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kBadTold = 5;
constexpr std::size_t kBadText = 80;
constexpr std::uint32_t kMetaVersion = 1;

template <class T> void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Takes values off the front of the bytes; all are zero once one was not there.
class MetaReader {
public:
  explicit MetaReader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return ok_ && rest_.empty(); }
  template <class T> T take() {
    T value{};
    std::string_view bytes = take_bytes(sizeof value);
    if (ok_) {
      std::memcpy(&value, bytes.data(), sizeof value);
    }
    return value;
  }
  std::string_view take_bytes(std::size_t n) {
    if (!ok_ || n > rest_.size()) {
      ok_ = false;
      return {};
    }
    std::string_view bytes = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return bytes;
  }

private:
  std::string_view rest_;
  bool ok_ = true;
};

/// A file name that a list's name cannot lead out of its folder.
std::string set_path(const std::string& folder, const std::string& name) {
  if (folder.empty()) {
    return {};
  }
  std::string safe;
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_';
    safe += plain ? c : '_';
  }
  if (safe != name) {
    safe += fmt::format("-{:016x}", siphash64({}, name));
  }
  return folder + "/" + safe + ".set";
}

} // namespace

ListHit CompiledList::find(std::string_view host) const noexcept {
  auto hit = domains_->find(host);
  return hit ? ListHit{this, hit->line, hit->name_size} : ListHit{};
}

ListHit CompiledList::find(const Address& address) const noexcept {
  const PrefixEntry* entry = prefixes_.find(address);
  return entry != nullptr ? ListHit{this, entry->line, 0} : ListHit{};
}

ListHit CompiledList::find_text(std::string_view text) const noexcept {
  auto address = Address::parse_any(text);
  return address ? find(*address) : find(text);
}

std::string CompiledList::where(const ListHit& hit) const {
  const ListSource* source = nullptr;
  for (const auto& one : sources_) {
    if (one.first <= hit.line) {
      source = &one;
    }
  }
  return source == nullptr ? std::string("?")
                           : fmt::format("{}:{}", source->path, hit.line - source->first + 1);
}

/// One compilation. Reads the sources into a builder; keeps what is told of them.
class ListCompiler {
public:
  ListCompiler(const config::ListDecl& decl, const ListSettings& settings, ListReport& report)
      : decl_(decl), former_(settings.former), report_(report),
        path_(set_path(settings.folder, decl.name)) {}

  Result<Ref<const CompiledList>> run() {
    Result<void> listed = stat_sources();
    make_folder();
    if (!former_ && !path_.empty()) {
      former_ = load();
    }
    if (former_ && former_->format_ != decl_.format) {
      former_ = nullptr; // a list of something else: nothing to compare with
    }
    if (!listed) {
      return refuse(listed.error());
    }
    if (former_ && unchanged()) {
      report_.reused = true;
      return former_;
    }
    return build();
  }

private:
  /// Without a folder that can be written to, the list stands in memory: better than no list.
  void make_folder() {
    if (path_.empty()) {
      return;
    }
    std::string folder = path_.substr(0, path_.rfind('/'));
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
      report_.problem = fmt::format("{}: {}; compiled in memory", folder, std::strerror(errno));
      path_.clear();
    }
  }

  Result<void> stat_sources() {
    for (const auto& path : decl_.files) {
      struct stat st {};
      if (::stat(path.c_str(), &st) != 0) {
        return cannot_read(path, errno);
      }
      sources_.push_back({path, static_cast<std::uint64_t>(st.st_size),
                          std::int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec, 0});
    }
    return {};
  }

  bool unchanged() const {
    return std::equal(sources_.begin(), sources_.end(), former_->sources_.begin(),
                      former_->sources_.end(), [](const ListSource& a, const ListSource& b) {
                        return a.path == b.path && a.size == b.size && a.modified == b.modified;
                      });
  }

  Result<Ref<const CompiledList>> build() {
    DomainSetBuilder builder(path_);
    for (auto& source : sources_) {
      source.first = lines_;
      if (auto done = read_file(source, builder); !done) {
        return refuse(done.error());
      }
    }
    PrefixSet prefixes(std::move(prefixes_));
    // Names twice in a list count twice here, and once in the former: that errs towards accepting.
    std::uint64_t now = builder.added() + prefixes.size();
    if (former_ && decl_.shrink_guard != 0 && shrunk(now)) {
      return refuse({Code::denied});
    }
    builder.set_meta(make_meta(prefixes));
    auto domains = builder.build();
    if (!domains) {
      report_.problem =
          fmt::format("{}: {}", path_.empty() ? decl_.name : path_, to_string(domains.error()));
      return refuse(domains.error());
    }
    auto list = make_ref<CompiledList>();
    list->name_ = decl_.name;
    list->format_ = decl_.format;
    list->sources_ = std::move(sources_);
    list->bad_lines_ = bad_lines_;
    list->domains_ = std::move(*domains);
    list->prefixes_ = std::move(prefixes);
    return Ref<const CompiledList>(std::move(list));
  }

  bool shrunk(std::uint64_t now) {
    std::uint64_t before = former_->entries();
    if (now >= before || (before - now) * 100 <= before * decl_.shrink_guard) {
      return false;
    }
    report_.problem = fmt::format("{} entries instead of {}: lost more than {}%", now, before,
                                  decl_.shrink_guard);
    return true;
  }

  Result<Ref<const CompiledList>> refuse(Error why) {
    if (former_) {
      report_.kept_former = true;
      return former_;
    }
    return fail(why);
  }

  tl::unexpected<Error> cannot_read(const std::string& path, int error) {
    report_.problem = fmt::format("{}: {}", path, tell_file_error(error));
    return fail(error == ENOENT ? Code::not_found : Code::io, Side::self, error);
  }

  Result<void> read_file(const ListSource& source, DomainSetBuilder& builder) {
    int fd = ::open(source.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return cannot_read(source.path, errno);
    }
    ListReader reader(decl_.format);
    std::string buffer;
    std::size_t have = 0;
    bool more = true;
    int error = 0;
    while (more) {
      // A line longer than a block only makes the buffer grow up to it; it is bad all the same.
      buffer.resize(have + kBlock);
      ssize_t n = ::read(fd, buffer.data() + have, kBlock);
      if (n < 0 && errno == EINTR) {
        continue;
      }
      error = n < 0 ? errno : 0;
      more = n > 0;
      have += more ? static_cast<std::size_t>(n) : 0;
      std::string_view rest(buffer.data(), have);
      for (std::size_t end = rest.find('\n'); end != std::string_view::npos;
           end = rest.find('\n')) {
        read_line(source, reader, rest.substr(0, end), builder);
        rest.remove_prefix(end + 1);
      }
      if (!more && !rest.empty()) {
        read_line(source, reader, rest, builder);
      }
      std::memmove(buffer.data(), rest.data(), rest.size());
      have = rest.size();
    }
    ::close(fd);
    return error == 0 ? Result<void>() : Result<void>(cannot_read(source.path, error));
  }

  void read_line(const ListSource& source, ListReader& reader, std::string_view line,
                 DomainSetBuilder& builder) {
    std::uint32_t number = lines_++;
    if (!reader.read(line)) {
      ++bad_lines_;
      if (report_.bad.size() < kBadTold) {
        report_.bad.push_back(
            fmt::format("{}:{}: {}", source.path, number - source.first + 1, printable(line)));
      }
    }
    for (const auto& entry : reader.entries()) {
      if (entry.name.empty()) {
        prefixes_.push_back({entry.prefix, number});
      } else {
        builder.add(entry.name, entry.kind, number);
      }
    }
  }

  static std::string printable(std::string_view line) {
    std::string text(line.substr(0, kBadText));
    for (char& c : text) {
      c = c >= ' ' && c <= '~' ? c : '?';
    }
    return text;
  }

  std::string make_meta(const PrefixSet& prefixes) const {
    std::string meta;
    put(meta, kMetaVersion);
    put(meta, decl_.format);
    put(meta, bad_lines_);
    put(meta, static_cast<std::uint32_t>(sources_.size()));
    for (const auto& source : sources_) {
      put(meta, static_cast<std::uint32_t>(source.path.size()));
      meta += source.path;
      put(meta, source.size);
      put(meta, source.modified);
      put(meta, source.first);
    }
    put(meta, static_cast<std::uint32_t>(prefixes.size()));
    for (const auto& entry : prefixes.entries()) {
      put(meta, entry.prefix.base().bytes());
      put(meta, static_cast<std::uint8_t>(entry.prefix.base().is_v4() ? 4 : 6));
      put(meta, static_cast<std::uint8_t>(entry.prefix.bits()));
      put(meta, entry.line);
    }
    return meta;
  }

  /// What NAME.set holds; none if it is not there, damaged or from another version.
  Ref<const CompiledList> load() const {
    auto domains = DomainSet::open(path_);
    if (!domains) {
      return nullptr;
    }
    MetaReader meta((*domains)->meta());
    if (meta.take<std::uint32_t>() != kMetaVersion) {
      return nullptr;
    }
    auto list = make_ref<CompiledList>();
    list->name_ = decl_.name;
    list->format_ = meta.take<config::ListFormat>();
    list->bad_lines_ = meta.take<std::uint64_t>();
    for (auto n = meta.take<std::uint32_t>(); n > 0 && meta.ok(); --n) {
      ListSource source;
      source.path = meta.take_bytes(meta.take<std::uint32_t>());
      source.size = meta.take<std::uint64_t>();
      source.modified = meta.take<std::int64_t>();
      source.first = meta.take<std::uint32_t>();
      list->sources_.push_back(std::move(source));
    }
    std::vector<PrefixEntry> prefixes;
    for (auto n = meta.take<std::uint32_t>(); n > 0 && meta.ok(); --n) {
      auto bytes = meta.take<std::array<std::uint8_t, 16>>();
      auto family = meta.take<std::uint8_t>();
      auto bits = meta.take<std::uint8_t>();
      auto line = meta.take<std::uint32_t>();
      bool v4 = family == 4;
      Address base =
          v4 ? Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]}) : Address::v6(bytes);
      prefixes.push_back({Prefix(base, std::min<unsigned>(bits, v4 ? 32 : 128)), line});
    }
    if (!meta.at_end()) {
      return nullptr;
    }
    list->prefixes_ = PrefixSet(std::move(prefixes));
    list->domains_ = std::move(*domains);
    return Ref<const CompiledList>(std::move(list));
  }

  const config::ListDecl& decl_;
  Ref<const CompiledList> former_;
  ListReport& report_;
  std::string path_;
  std::vector<ListSource> sources_;
  std::vector<PrefixEntry> prefixes_;
  std::uint32_t lines_ = 0;
  std::uint64_t bad_lines_ = 0;
};

Result<Ref<const CompiledList>> compile_list(const config::ListDecl& decl,
                                             const ListSettings& settings, ListReport& report) {
  return ListCompiler(decl, settings, report).run();
}

} // namespace weir::rules
