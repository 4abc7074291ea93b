// SPDX-License-Identifier: Apache-2.0
#include "server/admin_door.h"

#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

#include "admin/access.h"
#include "base/errlog.h"

namespace weir::server {

bool AdminDoor::take_socket(const config::AdminDecl& decl, std::string& problem) {
  if (decl.socket.empty()) {
    return true;
  }
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(decl.socket).parent_path(), ignored);
  admin::ControlSocketSettings settings;
  settings.path = decl.socket;
  settings.mode = decl.mode;
  auto group = admin::find_group(decl.group);
  if (!group) {
    problem = fmt::format("there is no group {}", decl.group);
    return false;
  }
  settings.group = *group;
  settings.user = ::geteuid();
  auto socket = admin::ControlSocket::open(settings, problem);
  if (!socket) {
    return false;
  }
  socket_ = std::move(*socket);
  return true;
}

bool AdminDoor::listen(const config::AdminDecl& decl, std::string& problem) {
  set_access(decl);
  if (decl.http) {
    auto listening = net::bind_listener(*decl.http);
    if (!listening) {
      problem = net::listen_error(*decl.http, listening.error());
      return false;
    }
    server_.listen_http(std::move(*listening));
  }
  if (socket_) {
    server_.listen_control(socket_->take());
  }
  return true;
}

void AdminDoor::set_access(const config::AdminDecl& decl) {
  std::string token;
  if (!decl.token_file.empty()) {
    auto read = admin::read_token(decl.token_file);
    if (read) {
      token = std::move(*read);
    } else {
      log_error("admin: {} holds no token, commands over HTTP are refused: {}", decl.token_file,
                to_string(read.error()));
    }
  }
  auto group = admin::find_group(decl.group);
  server_.set_access(group ? *group : ::getegid(), std::move(token));
}

} // namespace weir::server
