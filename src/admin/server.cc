// SPDX-License-Identifier: Apache-2.0
#include "admin/server.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "admin/access.h"
#include "base/errlog.h"

namespace weir::admin {

AdminServer::AdminServer(event::Loop& loop, Daemon& daemon)
    : loop_(loop), daemon_(daemon), group_(::getegid()) {}

AdminServer::~AdminServer() = default;

void AdminServer::set_access(gid_t group, std::string token) {
  group_ = group;
  token_ = std::move(token);
}

void AdminServer::listen_control(net::Fd listening) {
  control_.open({std::move(listening), Address()});
}

void AdminServer::listen_http(net::ListenSocket listening) { http_.open(std::move(listening)); }

Address AdminServer::http_address() const noexcept { return http_.address(); }

void AdminServer::stop() {
  stopping_ = true;
  control_.close();
  http_.close();
  for (const auto& each : sessions_) {
    loop_.wake(*each);
  }
}

void AdminServer::begin(net::Fd fd, bool http) {
  auto of_kind = [http](const auto& each) { return each->over_http() == http; };
  auto there = std::count_if(sessions_.begin(), sessions_.end(), of_kind);
  if (stopping_ || there >= static_cast<std::ptrdiff_t>(kMostSessions)) {
    log_warn("admin: connection refused: {} are open", there);
    return;
  }
  Access access = http ? Access::none : access_of_peer(fd.get(), group_);
  auto session = std::make_unique<AdminSession>(*this, http, access);
  if (session->open(std::move(fd))) {
    loop_.wake(*session);
    sessions_.push_back(std::move(session));
  }
}

void AdminServer::ended(AdminSession& session) {
  auto is_it = [&session](const auto& each) { return each.get() == &session; };
  auto at = std::find_if(sessions_.begin(), sessions_.end(), is_it);
  if (at != sessions_.end()) {
    loop_.retire(std::move(*at));
    sessions_.erase(at);
  }
}

void AdminServer::Door::accepted(net::Fd fd, const Address&, const Address&) {
  server_.begin(std::move(fd), http_);
}

void AdminServer::Door::open(net::ListenSocket listening) {
  listener_ = std::make_unique<net::Listener>(server_.loop_, std::move(listening), *this);
}

void AdminServer::Door::close() {
  if (listener_) {
    listener_->stop();
  }
}

} // namespace weir::admin
