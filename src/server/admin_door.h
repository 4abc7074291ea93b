// SPDX-License-Identifier: Apache-2.0
//
// AdminDoor: opens the control socket and the admin listener as the configuration says, for an
// AdminServer. Owner: Server; main thread.
#pragma once

#include <optional>
#include <string>

#include "admin/control_socket.h"
#include "admin/server.h"
#include "config/config.h"

namespace weir::server {

class AdminDoor {
public:
  AdminDoor(event::Loop& loop, admin::Daemon& daemon) : server_(loop, daemon) {}

  /// Before any listener is opened: the lock of the control socket says whether a weir runs here
  /// already.
  bool take_socket(const config::AdminDecl& decl, std::string& problem);
  /// Both begin to answer.
  bool listen(const config::AdminDecl& decl, std::string& problem);
  /// A reload: group and token may have changed.
  void set_access(const config::AdminDecl& decl);
  /// Invalid: there is no admin listener.
  Address http_address() const noexcept { return server_.http_address(); }
  void stop() { server_.stop(); }
  bool idle() const noexcept { return server_.idle(); }

private:
  std::optional<admin::ControlSocket> socket_; // first: it goes last
  admin::AdminServer server_;
};

} // namespace weir::server
