// SPDX-License-Identifier: Apache-2.0
#include "admin/access.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/account.h"

namespace weir::admin {
namespace {

constexpr std::size_t kMostToken = 4096;

/// Whether the peer has this among its supplementary groups.
bool in_groups(int fd, gid_t group) noexcept {
  std::array<gid_t, 64> few{};
  auto size = static_cast<socklen_t>(sizeof few);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few.data(), &size) == 0) {
    auto* end = few.data() + size / sizeof(gid_t);
    return std::find(few.data(), end, group) != end;
  }
  if (errno != ERANGE) {
    return false;
  }
  std::vector<gid_t> many(size / sizeof(gid_t));
  size = static_cast<socklen_t>(many.size() * sizeof(gid_t));
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many.data(), &size) == 0 &&
         std::find(many.begin(), many.end(), group) != many.end();
}

/// Looks at every octet whatever the first ones are.
bool equal_in_constant_time(std::string_view given, std::string_view right) noexcept {
  std::size_t different = given.size() ^ right.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto a = static_cast<unsigned char>(given[i]);
    auto b = static_cast<unsigned char>(right[i % right.size()]);
    different |= static_cast<std::size_t>(a ^ b);
  }
  return different == 0;
}

} // namespace

Access access_of_peer(int fd, gid_t group) noexcept {
  ucred peer{};
  auto size = static_cast<socklen_t>(sizeof peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Access::none;
  }
  if (peer.uid == 0 || peer.uid == ::geteuid()) {
    return Access::admin;
  }
  return peer.gid == group || in_groups(fd, group) ? Access::operate : Access::view;
}

bool has_token(const http::RequestHead& request, std::string_view token) noexcept {
  constexpr std::string_view kScheme = "bearer ";
  std::string_view value = request.fields.value(http::FieldId::authorization);
  if (token.empty() || value.size() < kScheme.size() ||
      request.fields.count(http::FieldId::authorization) != 1 ||
      !http::iequals(value.substr(0, kScheme.size()), kScheme)) {
    return false;
  }
  return equal_in_constant_time(http::trim(value.substr(kScheme.size())), token);
}

std::string_view foreign(const http::RequestHead& request) noexcept {
  if (request.fields.find("origin") != nullptr) {
    return "requests of web pages (Origin) are refused";
  }
  std::string_view host = request.uri.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost" || Address::parse(host)) {
    return {};
  }
  return "Host must be an address or localhost";
}

Result<gid_t> find_group(const std::string& name) {
  if (name.empty()) {
    return ::getegid();
  }
  auto number = group_number(name);
  if (!number) {
    return fail(Code::not_found);
  }
  return *number;
}

Result<std::string> read_token(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) {
    return fail(Code::io, Side::self, errno);
  }
  std::string text(kMostToken, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  text = text.substr(0, text.find_first_of("\r\n"));
  bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
  if (text.empty() || text.size() == kMostToken || !printable) {
    return fail(Code::malformed);
  }
  return text;
}

} // namespace weir::admin
