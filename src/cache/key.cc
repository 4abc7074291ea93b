// SPDX-License-Identifier: Apache-2.0
#include "cache/key.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace weir::cache {

namespace {

constexpr char kMethodClass = 'G'; // answers GET and HEAD
constexpr std::size_t kPortSize = 5;

bool is_part(std::string_view text) { return text.find('\0') == std::string_view::npos; }

/// Writes parts one after the other, a NUL before each but the first.
class Writer {
public:
  explicit Writer(char* at) : begin_(at), at_(at) {}
  void put(std::string_view part) {
    if (at_ != begin_ || started_) {
      *at_++ = '\0';
    }
    started_ = true;
    if (!part.empty()) {
      std::memcpy(at_, part.data(), part.size());
      at_ += part.size();
    }
  }
  std::string_view bytes() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }

private:
  char* begin_;
  char* at_;
  bool started_ = false; // the first part may be empty
};

} // namespace

Key Key::make(const KeyParts& parts, const HashKey& secret, Arena& arena) {
  bool usable = is_part(parts.realm) && is_part(parts.scheme) && is_part(parts.host) &&
                is_part(parts.target) &&
                std::all_of(parts.extra.begin(), parts.extra.end(), is_part);
  if (!usable) {
    return {};
  }
  std::array<char, kPortSize> digits{};
  auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), parts.port);
  std::size_t size = parts.realm.size() + 1 + 1 + 1 + parts.scheme.size() + 1 + parts.host.size() +
                     1 + kPortSize + 1 + parts.target.size();
  for (std::string_view part : parts.extra) {
    size += 1 + part.size();
  }
  Writer writer(arena.allocate(size, 1));
  writer.put(parts.realm);
  writer.put({&kMethodClass, 1});
  writer.put(parts.scheme);
  writer.put(parts.host);
  writer.put({digits.data(), static_cast<std::size_t>(end - digits.data())});
  writer.put(parts.target);
  for (std::string_view part : parts.extra) {
    writer.put(part);
  }
  return {writer.bytes(), siphash128(secret, writer.bytes())};
}

KeyParts key_parts(std::string_view key) {
  auto next = [&key] {
    std::size_t nul = std::min(key.find('\0'), key.size());
    std::string_view part = key.substr(0, nul);
    key.remove_prefix(std::min(nul + 1, key.size()));
    return part;
  };
  KeyParts parts;
  parts.realm = next();
  next(); // method class
  parts.scheme = next();
  parts.host = next();
  std::string_view port = next();
  std::from_chars(port.data(), port.data() + port.size(), parts.port);
  parts.target = next();
  return parts;
}

std::string_view key_url_part(std::string_view key) {
  std::size_t end = 0;
  for (int part = 0; part < 6; ++part) {
    end = std::min(key.find('\0', part == 0 ? 0 : end + 1), key.size());
  }
  return key.substr(0, end);
}

std::string key_url(std::string_view key) {
  KeyParts parts = key_parts(key);
  std::string url(parts.scheme);
  url += "://";
  url += parts.host;
  bool usual = (parts.scheme == "http" && parts.port == 80) ||
               (parts.scheme == "https" && parts.port == 443);
  if (!usual) {
    url += ':';
    url += std::to_string(parts.port);
  }
  url += parts.target;
  return url;
}

std::string_view key_host(std::string_view key) { return key_parts(key).host; }

} // namespace weir::cache
