// SPDX-License-Identifier: Apache-2.0
//
// The only file that knows c-ares. Its sockets are level-watched (it reads one datagram a call),
// its timeouts are served by one Deadline of a fixed length that runs while questions are out.
#include "net/resolver.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <limits>
#include <list>
#include <map>
#include <utility>

#include "base/errlog.h"
#include "event/deadline.h"
#include "event/watch.h"
#include "metrics/metrics.h"
#include "net/dns_cache.h"
#include "net/hosts_file.h"

namespace weir::net {

namespace {

constexpr int kTries = 3; // of every server

/// localhost and *.localhost never leave the machine (RFC 6761 §6.3).
bool is_localhost(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

/// The servers said something, if only that there is nothing.
bool is_answer(int status) {
  return status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA ||
         status == ARES_ENONAME || status == ARES_EBADNAME;
}

/// It took the whole time to learn nothing. (SERVFAIL, REFUSED and a closed port come quickly, all
/// of them as ARES_ECONNREFUSED.)
bool is_silence(int status) { return status == ARES_ETIMEOUT; }

struct Found {
  std::vector<Address> addresses;
  Duration ttl{};
};

/// What was found, with the least TTL of the addresses and of the CNAMEs that led there.
Found read_answer(const ares_addrinfo* info, bool v6) {
  Found found;
  int ttl = std::numeric_limits<int>::max();
  for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
    Address address = Address::from_sockaddr(node->ai_addr).with_port(0);
    if (address.valid() && address.is_v6() == v6) {
      found.addresses.push_back(address);
      ttl = std::min(ttl, node->ai_ttl);
    }
  }
  for (const auto* cname = info->cnames; cname != nullptr; cname = cname->next) {
    ttl = std::min(ttl, cname->ttl);
  }
  found.ttl = std::chrono::seconds(std::max(ttl, 0)); // RFC 2181 §8: a negative one is 0
  return found;
}

} // namespace

Error Lookup::error() const noexcept {
  if (!done() || !v4_.addresses.empty() || !v6_.addresses.empty()) {
    return {};
  }
  bool again = v4_.unanswered || v6_.unanswered;
  return {Code::dns_failed, Side::origin, again ? Retry::yes : Retry::no, 0};
}

void Lookup::cancel() noexcept {
  for (Half* half : {&v4_, &v6_}) {
    half->unlink();
    half->addresses.clear();
    half->done = half->unanswered = false;
  }
  owner_ = nullptr;
  stale_ = from_cache_ = false;
}

void Lookup::settle(Half& half, std::span<const Address> addresses, bool stale, bool unanswered) {
  half.addresses.assign(addresses.begin(), addresses.end());
  half.unanswered = unanswered;
  half.done = true;
  stale_ = stale_ || stale;
  loop_->wake(*owner_);
  if (!done()) {
    return;
  }
  if (stale_) {
    metrics::count(metrics::Metric::dns_stale_answers);
  }
  if (v4_.addresses.empty() && v6_.addresses.empty()) {
    metrics::count(metrics::Metric::dns_failures);
  }
}

class Resolver::Impl final : public event::Task {
public:
  Impl(event::Loop& loop, ResolverSettings settings)
      : loop_(loop), settings_(std::move(settings)), hosts_(settings_.hosts_file) {
    open_channel();
  }
  ~Impl() override { close_channel(); }

  void look_up(Lookup& lookup, std::string_view host, event::Task& owner);
  void reconfigure(ResolverSettings settings);
  void run() override;

  const ResolverSettings& settings() const noexcept { return settings_; }
  std::size_t names() const noexcept { return cache_.size(); }
  std::size_t questions() const noexcept { return questions_.size(); }

private:
  struct Question {
    Impl& resolver;
    DnsSlot& slot;
    std::list<Question>::iterator self;
  };

  void open_channel();
  void close_channel() noexcept;
  bool answer_locally(Lookup& lookup, const std::string& name);
  /// Gives the half what is known, or lets it wait for an answer.
  void answer_or_ask(Lookup::Half& half, DnsSlot& slot);
  void ask(DnsSlot& slot);
  void put(Question& question);
  void answered(Question& question, int status, const ares_addrinfo* info);
  void give_up_overdue();
  void arm_tick();
  static void on_answer(void* arg, int status, int timeouts, ares_addrinfo* info);
  static void on_socket(void* arg, ares_socket_t fd, int readable, int writable);

  event::Loop& loop_;
  ResolverSettings settings_;
  HostsFile hosts_;
  DnsCache cache_;
  std::list<Question> questions_; // with c-ares; their slots are not evicted
  bool silent_ = false;           // the last question that ended got nothing from any server
  bool closing_ = false;          // c-ares gives its questions back
  ares_channel channel_ = nullptr;
  std::map<int, std::unique_ptr<event::LevelWatch>> sockets_;
  event::Deadline tick_;
};

void Resolver::Impl::open_channel() {
  ares_options options{};
  std::array<char, 2> lookups{'b', '\0'}; // DNS only: the hosts file is ours
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = static_cast<int>(
      std::max<std::int64_t>(settings_.try_timeout / std::chrono::milliseconds(1), 1));
  options.tries = kTries;
  options.lookups = lookups.data();
  options.ndomains = 0;
  options.sock_state_cb = on_socket;
  options.sock_state_cb_data = this;
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
             ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
  int status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS && !settings_.servers.empty()) {
    std::string servers;
    for (const Address& server : settings_.servers) {
      servers += servers.empty() ? "" : ",";
      servers += server.with_port(server.port() == 0 ? 53 : server.port()).to_string();
    }
    status = ares_set_servers_ports_csv(channel_, servers.c_str());
  }
  if (status != ARES_SUCCESS) {
    log_error("net: no DNS: {}", ares_strerror(status));
    close_channel();
  }
}

void Resolver::Impl::close_channel() noexcept {
  if (channel_ != nullptr) {
    closing_ = true;
    ares_destroy(std::exchange(channel_, nullptr));
    closing_ = false;
  }
  sockets_.clear();
}

void Resolver::Impl::reconfigure(ResolverSettings settings) {
  close_channel();
  if (settings.hosts_file != settings_.hosts_file) {
    hosts_.set_path(settings.hosts_file);
  }
  settings_ = std::move(settings);
  silent_ = false;
  tick_.disarm();
  open_channel();
  // put() may end a question at once and take it off the list.
  for (auto at = questions_.begin(); at != questions_.end();) {
    Question& question = *at++;
    put(question);
  }
  arm_tick();
}

void Resolver::Impl::look_up(Lookup& lookup, std::string_view host, event::Task& owner) {
  lookup.cancel();
  lookup.loop_ = &loop_;
  lookup.owner_ = &owner;
  if (auto literal = Address::parse(host)) {
    std::span<const Address> one(&*literal, 1);
    lookup.from_cache_ = true;
    lookup.settle(lookup.v4_, literal->is_v4() ? one : std::span<const Address>{}, false, false);
    lookup.settle(lookup.v6_, literal->is_v6() ? one : std::span<const Address>{}, false, false);
    return;
  }
  auto name = host_name(host);
  if (!name) {
    lookup.settle(lookup.v4_, {}, false, false);
    lookup.settle(lookup.v6_, {}, false, false);
    return;
  }
  if (answer_locally(lookup, *name)) {
    return;
  }
  DnsName& known = cache_.get(*name, settings_.names);
  lookup.from_cache_ = known.v4.is_fresh() && known.v6.is_fresh();
  if (lookup.from_cache_) {
    metrics::count(metrics::Metric::dns_cache_hits);
  }
  // Which question goes first is which answer likely comes first.
  bool v6_first = settings_.prefer == Prefer::ipv6;
  answer_or_ask(v6_first ? lookup.v6_ : lookup.v4_, v6_first ? known.v6 : known.v4);
  answer_or_ask(v6_first ? lookup.v4_ : lookup.v6_, v6_first ? known.v4 : known.v6);
}

bool Resolver::Impl::answer_locally(Lookup& lookup, const std::string& name) {
  const HostsFile::Entry* entry = hosts_.find(name);
  static const HostsFile::Entry kLocalhost{{Address::v4({127, 0, 0, 1})}, {*Address::parse("::1")}};
  if (entry == nullptr && is_localhost(name)) {
    entry = &kLocalhost;
  }
  if (entry == nullptr) {
    return false;
  }
  lookup.from_cache_ = true;
  lookup.settle(lookup.v4_, entry->v4, false, false);
  lookup.settle(lookup.v6_, entry->v6, false, false);
  return true;
}

void Resolver::Impl::answer_or_ask(Lookup::Half& half, DnsSlot& slot) {
  if (slot.state == DnsSlot::State::idle && !slot.is_fresh() && !slot.failed_lately()) {
    ask(slot); // may have its answer on return
  }
  bool wait = slot.state == DnsSlot::State::asking && !slot.is_fresh();
  if (!wait || (silent_ && slot.has_stale())) {
    slot.give(half);
    return;
  }
  if (slot.has_stale()) {
    slot.give_up_at = std::min(slot.give_up_at, Clock::mono() + settings_.stale_wait);
  }
  slot.wait(half);
}

void Resolver::Impl::ask(DnsSlot& slot) {
  if (questions_.size() >= settings_.questions) {
    return; // idle still: the half is given what is known, or failure
  }
  slot.state = DnsSlot::State::asking;
  slot.give_up_at = Clock::mono() + settings_.deadline;
  questions_.push_back({*this, slot, {}});
  questions_.back().self = std::prev(questions_.end());
  put(questions_.back());
  arm_tick();
}

void Resolver::Impl::put(Question& question) {
  if (channel_ == nullptr) {
    answered(question, ARES_ECONNREFUSED, nullptr);
    return;
  }
  metrics::count(metrics::Metric::dns_queries);
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT; // the order is the server's; the Connector sorts families
  hints.ai_family = question.slot.is_v6 ? AF_INET6 : AF_INET;
  ares_getaddrinfo(channel_, question.slot.name.text.c_str(), nullptr, &hints, on_answer,
                   &question);
}

void Resolver::Impl::on_answer(void* arg, int status, int, ares_addrinfo* info) {
  auto& question = *static_cast<Question*>(arg);
  if (!question.resolver.closing_) {
    question.resolver.answered(question, status, info);
  }
  if (info != nullptr) {
    ares_freeaddrinfo(info);
  }
}

void Resolver::Impl::answered(Question& question, int status, const ares_addrinfo* info) {
  DnsSlot& slot = question.slot;
  slot.state = DnsSlot::State::idle;
  if (is_answer(status)) {
    Found found = info != nullptr ? read_answer(info, slot.is_v6) : Found();
    slot.learn(std::move(found.addresses), found.ttl, settings_);
    silent_ = false;
  } else {
    slot.retry_at = Clock::mono() + settings_.failure_ttl;
    silent_ = is_silence(status);
    log_debug("net: {}: {}", slot.name.text, ares_strerror(status));
  }
  questions_.erase(question.self);
  slot.give_all();
}

void Resolver::Impl::give_up_overdue() {
  MonoTime now = Clock::mono();
  for (Question& question : questions_) {
    DnsSlot& slot = question.slot;
    if (slot.state == DnsSlot::State::asking && slot.give_up_at <= now) {
      slot.state = DnsSlot::State::overdue;
      silent_ = true;
      slot.give_all();
    }
  }
}

void Resolver::Impl::run() {
  // Serving one socket may close or open others: first all that are ready, then each.
  std::vector<std::pair<int, std::uint8_t>> ready;
  for (auto& [fd, watch] : sockets_) {
    if (auto what = watch->take_ready(); what != 0) {
      ready.emplace_back(fd, what);
    }
  }
  for (auto [fd, what] : ready) {
    ares_process_fd(channel_, (what & event::LevelWatch::kRead) != 0 ? fd : ARES_SOCKET_BAD,
                    (what & event::LevelWatch::kWrite) != 0 ? fd : ARES_SOCKET_BAD);
  }
  if (tick_.passed()) {
    tick_.disarm();
    if (channel_ != nullptr) {
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    give_up_overdue();
  }
  arm_tick();
}

void Resolver::Impl::arm_tick() {
  if (!questions_.empty() && !tick_.armed()) {
    Duration length = std::clamp<Duration>(settings_.try_timeout / 4, std::chrono::milliseconds(5),
                                           std::chrono::milliseconds(250));
    tick_.arm(loop_, length, *this);
  }
}

void Resolver::Impl::on_socket(void* arg, ares_socket_t fd, int readable, int writable) {
  auto& self = *static_cast<Impl*>(arg);
  self.sockets_.erase(fd);
  int interest = (readable != 0 ? event::LevelWatch::kRead : 0) |
                 (writable != 0 ? event::LevelWatch::kWrite : 0);
  if (interest != 0) {
    self.sockets_.emplace(fd, std::make_unique<event::LevelWatch>(
                                  self.loop_, fd, static_cast<std::uint8_t>(interest), self));
  }
}

Resolver::Resolver(event::Loop& loop, ResolverSettings settings)
    : impl_(std::make_unique<Impl>(loop, std::move(settings))) {}

Resolver::~Resolver() = default;

void Resolver::look_up(Lookup& lookup, std::string_view host, event::Task& owner) {
  impl_->look_up(lookup, host, owner);
}

void Resolver::reconfigure(ResolverSettings settings) { impl_->reconfigure(std::move(settings)); }

Prefer Resolver::prefer() const noexcept { return impl_->settings().prefer; }

std::size_t Resolver::names_cached() const noexcept { return impl_->names(); }

std::size_t Resolver::questions() const noexcept { return impl_->questions(); }

} // namespace weir::net
