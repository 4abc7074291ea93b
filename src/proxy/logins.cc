// SPDX-License-Identifier: Apache-2.0
#include "proxy/logins.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "rules/password.h"

namespace weir::proxy {

using metrics::Metric;

namespace {

/// What somebody called himself, for the error log.
std::string visible(std::string_view name) {
  constexpr std::size_t kMost = 64;
  std::string text;
  for (char c : name.substr(0, kMost)) {
    bool plain = c > 0x20 && c < 0x7f && c != '\\';
    text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

} // namespace

LoginCheck::~LoginCheck() { rules::wipe(password_); }

LoginAnswer Logins::ask(const LoginAsk& ask, event::Ticket who) {
  const rules::User* user = ask.table.find(ask.given.name);
  std::string_view hash = user != nullptr ? user->hash : ask.table.decoy(ask.given.name);
  Hash128 key = users_.key(hash, ask.given.name, ask.given.password);
  MonoTime now = Clock::mono();
  LoginAnswer answer;
  if (auto right = users_.recall(key, now)) {
    answer.login = *right && user != nullptr ? Login::right : Login::wrong;
    if (answer.login == Login::right) {
      return answer;
    }
  }
  std::uint64_t place = users_.place(ask.users.name, ask.given.name, ask.client);
  answer.locked_for = users_.locked(ask.users, place, now);
  if (answer.locked_for > Duration::zero()) {
    answer.login = Login::locked;
    return answer;
  }
  if (hash.empty() || users_.recall(key, now)) {
    return answer;
  }
  std::lock_guard lock(mutex_);
  auto at = checks_.find(key);
  if (at == checks_.end()) {
    if (is_full(ask.client)) {
      answer.login = Login::busy;
      return answer;
    }
    auto check = std::make_shared<LoginCheck>();
    check->users_ = ask.users;
    check->hash_ = hash;
    check->name_ = ask.given.name;
    check->password_ = ask.given.password;
    check->known_ = user != nullptr;
    check->client_ = ask.client.with_port(0);
    check->place_ = place;
    check->key_ = key;
    if (!work_.submit([this, check] { compute(*check); })) {
      answer.login = Login::busy;
      return answer;
    }
    metrics::add(Metric::login_hashes_waiting);
    at = checks_.emplace(key, std::move(check)).first;
  }
  at->second->waiting_.push_back(who);
  answer.login = Login::waits;
  answer.check = at->second;
  return answer;
}

/// Under the lock.
bool Logins::is_full(const Address& client) const {
  auto own = std::count_if(checks_.begin(), checks_.end(), [&client](const auto& each) {
    return each.second->client_ == client.with_port(0);
  });
  return checks_.size() >= kMostChecks || static_cast<std::size_t>(own) >= kMostOfClient;
}

/// On a work thread.
void Logins::compute(LoginCheck& check) {
  bool right = rules::matches_password(check.hash_, check.password_) && check.known_;
  rules::wipe(check.password_);
  Clock::tick();
  MonoTime now = Clock::mono();
  if (check.users_.cache > Duration::zero()) {
    users_.remember(check.key_, right, now + check.users_.cache);
  }
  if (right) {
    users_.note_right(check.place_);
  } else if (users_.note_wrong(check.users_, check.place_, now)) {
    metrics::count(Metric::lockouts);
    log_warn("users: {}: {} is locked out from {} after {} wrong passwords", check.users_.name,
             visible(check.name_), check.client_.host(), check.users_.attempts);
  }
  metrics::count(Metric::login_hashes);
  metrics::sub(Metric::login_hashes_waiting);
  std::vector<event::Ticket> waiting;
  {
    std::lock_guard lock(mutex_);
    check.state_.store(right ? Login::right : Login::wrong, std::memory_order_release);
    waiting.swap(check.waiting_);
    checks_.erase(check.key_);
  }
  for (const event::Ticket& each : waiting) {
    each.wake();
  }
}

} // namespace weir::proxy
