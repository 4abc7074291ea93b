// SPDX-License-Identifier: Apache-2.0
//
// AdminServer: the control socket and the admin listener at work. Owner: Server; main thread, on
// the main loop. It must be gone before the Daemon and the loop it was given.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "admin/daemon.h"
#include "admin/session.h"
#include "event/loop.h"
#include "net/listener.h"

namespace weir::admin {

class AdminServer {
public:
  /// Connections at a time, of each kind; more are closed at once.
  static constexpr std::size_t kMostSessions = 64;

  AdminServer(event::Loop& loop, Daemon& daemon);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Who may operate weir by the control socket, and the token of the admin listener (empty: no
  /// command is carried out there). A reload may change both.
  void set_access(gid_t group, std::string token);
  /// ControlSocket::take().
  void listen_control(net::Fd listening);
  void listen_http(net::ListenSocket listening);
  /// Of the admin listener, as bound; invalid: there is none.
  Address http_address() const noexcept;

  /// Nobody new is accepted; who has asked for something gets the answer, all others go.
  void stop();
  bool stopping() const noexcept { return stopping_; }
  /// After stop(): nobody waits for an answer any more.
  bool idle() const noexcept { return sessions_.empty(); }

  // For sessions.
  event::Loop& loop() noexcept { return loop_; }
  Daemon& daemon() noexcept { return daemon_; }
  const std::string& token() const noexcept { return token_; }
  void ended(AdminSession& session);

private:
  /// One of the two ways in.
  class Door final : public net::Acceptor {
  public:
    Door(AdminServer& server, bool http) : server_(server), http_(http) {}
    void accepted(net::Fd fd, const Address& remote, const Address& local) override;
    void open(net::ListenSocket listening);
    void close();
    Address address() const noexcept { return listener_ ? listener_->address() : Address(); }

  private:
    AdminServer& server_;
    const bool http_;
    std::unique_ptr<net::Listener> listener_;
  };

  void begin(net::Fd fd, bool http);

  event::Loop& loop_;
  Daemon& daemon_;
  gid_t group_ = 0;
  std::string token_;
  bool stopping_ = false;
  Door control_{*this, false};
  Door http_{*this, true};
  std::vector<std::unique_ptr<AdminSession>> sessions_;
};

} // namespace weir::admin
