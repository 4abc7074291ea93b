// SPDX-License-Identifier: Apache-2.0
//
// Logins: whether name and password are those of a user. What is known from before is answered at
// once; else the hash is computed on a work thread, once for all who ask with the same credentials
// meanwhile.  LoginCheck: one such computation; who waits for it is woken.
//
// Owner: Server; one for all workers and generations. ask(): any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "event/background.h"
#include "event/loop.h"
#include "http/basic_credentials.h"
#include "rules/user_table.h"
#include "rules/users.h"

namespace weir::proxy {

enum class Login : std::uint8_t {
  missing, // there are no credentials
  right,
  wrong,
  locked, // too many were wrong: nothing was looked at
  waits,  // for its hash
  busy,   // too many hashes wait
};

struct LoginAsk {
  const config::UsersDecl& users;
  const rules::UserTable& table;
  http::BasicCredentials given;
  Address client;
};

class LoginCheck {
public:
  /// waits, right or wrong.
  Login state() const noexcept { return state_.load(std::memory_order_acquire); }
  ~LoginCheck();

private:
  friend class Logins;
  config::UsersDecl users_; // a copy: a reload may come
  std::string hash_;
  std::string name_;
  std::string password_;
  bool known_ = false; // there is such a user
  Address client_;
  std::uint64_t place_ = 0;
  Hash128 key_;
  std::vector<event::Ticket> waiting_; // guarded by Logins::mutex_
  std::atomic<Login> state_{Login::waits};
};

struct LoginAnswer {
  Login login = Login::wrong;
  Duration locked_for{};             // locked: how long still
  std::shared_ptr<LoginCheck> check; // waits
};

class Logins {
public:
  static constexpr std::size_t kMostChecks = 128; // half of the queue: others use the threads too
  static constexpr std::size_t kMostOfClient = 16;

  explicit Logins(event::BackgroundPool& work) : work_(work) {}
  Logins(const Logins&) = delete;
  Logins& operator=(const Logins&) = delete;

  /// `who` is woken when a check that waits has come out.
  LoginAnswer ask(const LoginAsk& ask, event::Ticket who);

private:
  bool is_full(const Address& client) const;
  void compute(LoginCheck& check);

  event::BackgroundPool& work_;
  rules::Users users_;
  mutable std::mutex mutex_;
  std::map<Hash128, std::shared_ptr<LoginCheck>> checks_; // under way; guarded by mutex_
};

} // namespace weir::proxy
