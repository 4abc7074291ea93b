// SPDX-License-Identifier: Apache-2.0
#include "proxy/exchange.h"

#include "metrics/metrics.h"
#include "net/tls.h"
#include "proxy/awaited.h"
#include "proxy/metering.h"
#include "proxy/resources.h"
#include "proxy/verdict_note.h"

namespace weir::proxy {

using metrics::Metric;

namespace {

/// Which step may follow which: bit `to` of entry `from` (DESIGN §6.1).
constexpr std::uint16_t bits(std::initializer_list<Step> steps) {
  std::uint16_t all = 0;
  for (Step step : steps) {
    all = static_cast<std::uint16_t>(all | 1U << static_cast<unsigned>(step));
  }
  return all;
}
constexpr std::array<std::uint16_t, 9> kArrows = {
    bits(
        {Step::lookup, Step::pass, Step::tunnel, Step::respond, Step::fail, Step::finish}), // admit
    bits({Step::respond, Step::join, Step::pass, Step::fail, Step::finish}),   // lookup
    bits({Step::respond, Step::lookup, Step::pass, Step::fail, Step::finish}), // join
    bits({Step::respond, Step::join, Step::fail, Step::finish}),               // pass
    bits({Step::respond, Step::fail, Step::finish}),                           // tunnel
    bits({Step::stream, Step::finish, Step::fail}),                            // respond
    bits({Step::fail, Step::finish}),                                          // stream
    bits({Step::respond, Step::finish}),                                       // fail
    bits({Step::admit, Step::fail}),                                           // finish
};

} // namespace

Exchange::Exchange(Resources& resources) : resources_(resources) {}

Exchange::~Exchange() { count_active(false); }

void Exchange::begin(ClientSession& session, const ListenPlace& place, const Ends& ends) {
  session_ = &session;
  place_ = &place;
  remote_ = client_ = ends.client;
  local_ = ends.local;
  tls_ = session.tls();
  generation_ = resources_.generation;
  const config::Options& options = resources_.options(place);
  limits_.target = static_cast<std::uint32_t>(options.request_target_max);
  limits_.head = static_cast<std::uint32_t>(options.head_max);
  limits_.field = static_cast<std::uint32_t>(options.field_max);
  limits_.fields = options.fields_max;
  limits_.chunk_line = static_cast<std::uint32_t>(options.chunk_line_max);
  arena_.reset();
  request_.clear();
  facts_ = {}; // views into what the arena held: no page may tell of the request before
  scheme_ = authority_ = {};
  record_ = {};
  trail_.clear();
  bytes_in_ = bytes_out_ = 0;
  route_ = nullptr;
  options_ = &options;
  verdict_ = {};
  tier_ = nullptr;
  policy_ = nullptr;
  awaited_.reset();
  http1_server_ = nullptr;
  trusted_ = limited_ = websocket_ = has_key_ = lead_ = others_ = disk_tried_ = responded_ = false;
  look_ = Look::none;
  lookups_ = 0;
  interims_seen_ = 0;
  outcome_ = {};
  error_ = {};
  url_ = {};
  own_fields_ = {};
}

void Exchange::start() {
  started_ = Clock::mono();
  id_ = resources_.ids.next(Clock::wall());
  id_.write(id_text_.data());
  count_active(true);
  go(Step::admit);
  drive();
}

void Exchange::reject(const Error& error) {
  started_ = Clock::mono();
  id_ = resources_.ids.next(Clock::wall());
  id_.write(id_text_.data());
  metrics::count(Metric::requests_malformed);
  error_ = error;
  go(Step::fail);
  drive();
}

void Exchange::go(Step step) {
  if ((kArrows[static_cast<std::size_t>(step_)] >> static_cast<unsigned>(step) & 1U) == 0) {
    panic("Exchange: a step that does not follow");
  }
  step_ = step;
  trail_.push(static_cast<std::uint8_t>(step));
}

void Exchange::drive() {
  Next what = Next::again;
  while (what == Next::again) {
    switch (step_) {
    case Step::admit:
      what = admit();
      break;
    case Step::lookup:
      what = lookup();
      break;
    case Step::join:
      what = join();
      break;
    case Step::pass:
      what = pass();
      break;
    case Step::tunnel:
      what = tunnel();
      break;
    case Step::respond:
      what = respond();
      break;
    case Step::stream:
      what = stream();
      break;
    case Step::fail:
      what = fail();
      break;
    case Step::finish:
      what = Next::done;
      break;
    }
  }
}

const event::Ticket& Exchange::ticket() {
  if (!ticket_) {
    ticket_ = resources_.loop.issue(*this);
  }
  return ticket_;
}

Pull Exchange::pull(OutQueue& out, std::size_t room) {
  if (metering_) {
    return pull_metered(out, room);
  }
  return coded_ ? pull_coded(out, room) : pull_source(out, room);
}

Pull Exchange::pull_source(OutQueue& out, std::size_t room) {
  struct Puller {
    Exchange& self;
    OutQueue& out;
    std::size_t room;
    Pull operator()(std::monostate) const { return Pull::end; }
    Pull operator()(cache::EntryReader& reader) const { return reader.pull(out, room); }
    Pull operator()(cache::FillReader& reader) const {
      return reader.pull(out, room, self.ticket());
    }
    Pull operator()(std::unique_ptr<Fetch>& fetch) const { return fetch->pull(out, room); }
    Pull operator()(Generated& generated) const { return generated.pull(out, room); }
  };
  Pull got = std::visit(Puller{*this, out, room}, source_);
  if (got == Pull::failed && error_.code == Code::none) {
    if (auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_)) {
      error_ = (*fetch)->error();
    } else if (auto* reader = std::get_if<cache::FillReader>(&source_)) {
      error_ = reader->error();
    } else {
      error_ = {Code::corrupt, Side::cache};
    }
  }
  return got;
}

const http::Fields& Exchange::trailers() const {
  static const http::Fields kNone;
  const auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
  // Of a body that is changed they may tell what is not true of it any more.
  return fetch != nullptr && *fetch && !coded_ ? (*fetch)->trailers() : kNone;
}

bool Exchange::ended() const {
  const auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
  return fetch == nullptr || !*fetch || (*fetch)->ended();
}

/// The session pulls; a wake of ours is news for it. One that has the end of a tunnel's answer
/// pulls no more, and has to be told that the other direction has failed.
Next Exchange::stream() {
  auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
  if (record_.kind == "tunnel" && fetch != nullptr && (*fetch)->error().code != Code::none) {
    error_ = (*fetch)->error();
    session_->cut();
    return Next::wait;
  }
  session_->body_ready();
  return Next::wait;
}

void Exchange::delivered() { finish(); }

void Exchange::abandon(const Error& why) {
  if (step_ == Step::finish && !session_) {
    return;
  }
  if (started_ == MonoTime{} || step_ == Step::finish) {
    started_ = Clock::mono();
    id_ = resources_.ids.next(Clock::wall());
  }
  error_ = why;
  bool broke = why.code == Code::reset || why.code == Code::malformed || why.code == Code::closed;
  if (auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_); fetch && *fetch && broke) {
    (*fetch)->break_tunnel();
  }
  finish();
}

/// The record is written, and everything that was held for this request is let go of.
Next Exchange::finish() {
  if (step_ != Step::finish) {
    go(Step::finish);
  }
  MonoTime now = Clock::mono();
  record_.id = id_;
  record_.set_time(Clock::wall() - (now - started_));
  record_.client = client_;
  record_.bytes_in = static_cast<std::int64_t>(bytes_in_);
  record_.bytes_out = static_cast<std::int64_t>(bytes_out_);
  record_.duration = (now - started_).count();
  record_.cache = outcome_.word();
  record_.cache_reason = outcome_.detail.empty() ? outcome_.forward : outcome_.detail;
  record_.generation = static_cast<std::int64_t>(generation_->number);
  record_.worker = resources_.worker_number;
  if (tls_ != nullptr) {
    record_.tls = tls_->version;
    record_.tls_cipher = tls_->cipher;
    record_.sni = tls_->sni;
    record_.client_cert = tls_->subject;
  }
  record_.http = request_.http2 ? "2" : request_.minor_version == 0 ? "1.0" : "1.1";
  if (record_.kind.empty()) {
    record_.kind = forward_ ? "forward" : "site";
  }
  if (record_.end.empty()) {
    record_.end = end_word(error_);
  }
  if (metering_) {
    note_metering();
  }
  if (auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_); fetch != nullptr && *fetch) {
    note_origin(**fetch);
  }
  note_verdict();
  if (resources_.ring != nullptr) {
    resources_.ring->push(record_);
  }
  count_end();
  release();
  return Next::done;
}

void Exchange::count_end() {
  metrics::count(Metric::client_bytes_in, bytes_in_);
  metrics::count(Metric::client_bytes_out, bytes_out_);
  if (record_.end == "client-abort") {
    metrics::count(Metric::client_aborts);
  } else if (record_.end == "origin-abort") {
    metrics::count(Metric::origin_aborts);
  } else if (record_.end.ends_with("timeout")) {
    metrics::count(Metric::timeouts);
  }
  if (record_.ttfb > 0 && record_.kind != "tunnel") {
    metrics::observe(metrics::Histogram::ttfb, Duration(record_.ttfb));
    metrics::observe(metrics::Histogram::duration, Duration(record_.duration));
  }
}

void Exchange::count_active(bool active) {
  if (active != active_) {
    active_ = active;
    active ? metrics::add(Metric::exchanges_active) : metrics::sub(Metric::exchanges_active);
  }
}

void Exchange::note_verdict() {
  if (route_ != nullptr) {
    proxy::note_verdict(verdict_, *route_->rules, arena_, record_);
  }
  if (error_.code == Code::denied && verdict_.allows() && route_ != nullptr) { // not by a rule
    record_.rule = arena_.join({forward_ ? "forward " : "site ", route_->place,
                                error_.side == Side::client ? " connect" : " private"});
  }
}

void Exchange::note_origin(const Fetch& fetch) {
  OriginFacts facts = fetch.facts();
  record_.origin = facts.address;
  record_.server = arena_.copy(facts.server);
  record_.origin_http = facts.http;
  if (!facts.sni.empty()) {
    record_.sni = arena_.copy(facts.sni);
  }
  if (facts.verdict != nullptr) {
    verdict_ = *facts.verdict;
  }
  note_pool();
}

void Exchange::note_pool() {
  if (route_ != nullptr && route_->pool) {
    record_.pool = generation_->pools[*route_->pool]->name();
  }
}

void Exchange::release() {
  count_active(false);
  unlink();         // a wake under way is for a request that is over
  if (disk_read_) { // the lead of a Fill that nothing feeds yet
    std::get<cache::FillReader>(source_).fill().end();
  }
  disk_read_.reset();
  coded_.reset();
  source_ = std::monostate{};
  entry_ = nullptr;
  stale_ = nullptr;
  partial_ = nullptr;
  reply_.reset();
  metering_.reset();
  generation_ = {};
  started_ = {};
  if (ticket_) {
    resources_.loop.revoke(ticket_);
    ticket_ = {};
  }
}

} // namespace weir::proxy
