// SPDX-License-Identifier: Apache-2.0
//
// Who may do what: by the credentials of a UNIX socket's peer, or by the token of an HTTP request.
// And what a browser on the same machine must not get to (DNS rebinding, forged requests). Pure but
// for the socket's options.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "admin/verb_table.h"
#include "base/address.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::admin {

/// root and the daemon's own user: admin; members of `group`: operate; others that could connect:
/// view. none: the credentials cannot be had.
Access access_of_peer(int fd, gid_t group) noexcept;

/// The bearer token of a request is `token`. In constant time. An empty `token` is nobody's.
bool has_token(const http::RequestHead& request, std::string_view token) noexcept;

/// Why a request to the HTTP listener is not for it: a Host that is a name (but localhost), an
/// Origin. Empty: it is.
std::string_view foreign(const http::RequestHead& request) noexcept;

/// The number of a group. Empty: the daemon's own.
Result<gid_t> find_group(const std::string& name);

/// The first line of a file. Code::malformed: it is empty, or has blanks or controls in it.
Result<std::string> read_token(const std::string& path);

} // namespace weir::admin
