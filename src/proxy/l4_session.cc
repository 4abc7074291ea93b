// SPDX-License-Identifier: Apache-2.0
#include "proxy/l4_session.h"

#include <algorithm>
#include <utility>

#include "log/record.h"
#include "metrics/metrics.h"
#include "net/client_hello.h"
#include "proxy/fetch_plan.h"
#include "proxy/l4_row.h"
#include "proxy/raw_fetch.h"
#include "proxy/reply.h"
#include "proxy/resources.h"
#include "proxy/verdict_note.h"

namespace weir::proxy {

using metrics::Metric;

namespace {
constexpr std::size_t kRunBudget = 256 * 1024; // bytes written a run, then others have their turn
constexpr std::size_t kPullRoom = 256 * 1024;
static_assert(net::kWholeClientHello <= Chunk::kSmall);
} // namespace

L4Session::L4Session(Resources& resources, const ListenPlace& place, GenerationRef generation,
                     const Ends& ends)
    : resources_(resources), place_(place), generation_(std::move(generation)), ends_(ends),
      started_(Clock::mono()) {}

L4Session::~L4Session() { resources_.leave(ends_.client); }

bool L4Session::open(net::Fd fd) {
  auto plain = std::make_unique<net::PlainTransport>();
  if (!plain->open(resources_.loop, std::move(fd), *this)) {
    return false;
  }
  transport_ = std::move(plain);
  resources_.loop.wake(*this);
  return true;
}

void L4Session::open(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  transport_->set_task(*this);
  resources_.loop.wake(*this); // what the last edge told is still true
}

void L4Session::run() {
  switch (state_) {
  case State::admit:
    admit();
    return;
  case State::hello:
    look_at_hello();
    return;
  case State::dial:
    if (fetch_->error().code != Code::none) {
      finish(fetch_->error());
    } else if (fetch_->head()) {
      state_ = State::relay;
      fetch_->open();
      pump();
    }
    return;
  case State::relay:
    if (consumer_ != nullptr && transport_->readable()) {
      resources_.loop.wake(*std::exchange(consumer_, nullptr));
    }
    pump();
    return;
  case State::closed:
    return;
  }
}

/// The rules as far as they can be asked; then the pool, or what it hangs on.
void L4Session::admit() {
  const ListenUse& use = generation_->listen(place_);
  if (!use.used || use.direction != rules::Direction::l4) {
    close(); // a reload took the listener away
    return;
  }
  route_ = generation_->routes->find(use.listener, {}, {}).route;
  rules::Facts facts;
  facts.client = ends_.client;
  facts.place = route_->place;
  verdict_ = route_->rules->evaluate(facts, Clock::wall());
  if (!may_go_on()) {
    return;
  }
  if (verdict_.is_final() && route_->l4->snis.empty()) {
    dial();
    return;
  }
  state_ = State::hello;
  input_ = Chunk::small();
  deadline_.arm(resources_.loop, route_->options->header_timeout, *this);
  look_at_hello();
}

bool L4Session::may_go_on() {
  if (verdict_.allows()) {
    return true;
  }
  metrics::count(Metric::rules_denied);
  refuse("denied", Metric::l4_denied);
  return false;
}

/// What is read stays in input_, and goes on to the server as it came.
void L4Session::look_at_hello() {
  if (deadline_.passed()) {
    refuse("client-timeout", Metric::l4_refused);
    return;
  }
  Result<std::optional<net::ClientHello>> hello = std::optional<net::ClientHello>();
  while (hello && !*hello) {
    auto got = transport_->read(input_->data() + input_end_, input_->capacity() - input_end_);
    if (got.state == net::IoResult::would_block) {
      return;
    }
    if (got.state != net::IoResult::ok) {
      refuse("client-abort", Metric::l4_refused);
      return;
    }
    input_end_ += got.bytes;
    bytes_in_ += got.bytes;
    hello = net::parse_client_hello({input_->data(), input_end_});
  }
  deadline_.disarm();
  if (!hello) {
    refuse("client-error", Metric::l4_refused);
    return;
  }
  sni_ = std::move((*hello)->sni);
  const ListenUse& use = generation_->listen(place_);
  route_ = generation_->routes->find(use.listener, sni_, {}).route;
  rules::Facts facts;
  facts.client = ends_.client;
  facts.host = facts.sni = sni_;
  facts.sni_known = true;
  facts.place = route_->place;
  verdict_ = route_->rules->evaluate(facts, Clock::wall());
  if (may_go_on()) {
    dial();
  }
}

void L4Session::dial() {
  if (!route_->pool) {
    refuse("no-server", Metric::l4_denied);
    return;
  }
  const config::L4Decl& decl = *route_->l4;
  const config::PoolDecl& pool = generation_->config->pools[*route_->pool];
  auto plan = std::make_unique<FetchPlan>(generation_, nullptr);
  plan->use_pool(*route_->pool,
                 decl.send_proxy != config::SendProxy::no ? decl.send_proxy : pool.send_proxy,
                 ends_);
  plan->dial.reuse = false;
  plan->tunnel = this;
  plan->tunnel_times = {route_->options->tunnel_idle_timeout, route_->options->tunnel_lifetime};
  state_ = State::dial;
  out_.take_pipes(transport_->plain() != nullptr);
  fetch_ = std::make_unique<RawFetch>(resources_, std::move(plan));
  fetch_->start(*this);
}

/// Server to client; the other direction goes by pull_body().
void L4Session::pump() {
  std::size_t written = 0;
  while (true) {
    Pull got = fetch_->pull(out_, kPullRoom);
    if (!out_.empty()) {
      std::size_t before = out_.bytes();
      auto sent = transport_->write(out_);
      std::size_t moved = before - out_.bytes();
      if (bytes_out_ == 0 && moved > 0) {
        first_byte_ = Clock::mono() - started_;
      }
      bytes_out_ += moved;
      written += moved;
      if (sent.state == net::IoResult::failed) {
        finish({Code::reset, Side::client, Retry::no, sent.sys});
        return;
      }
      if (sent.state == net::IoResult::would_block) {
        return; // the tunnel's own idle time runs
      }
    }
    if (got == Pull::failed) {
      finish(fetch_->error());
      return;
    }
    if (got == Pull::end) {
      if (!write_ended_) {
        write_ended_ = true;
        transport_->shutdown_write(); // the other direction goes on
      }
      if (fetch_->ended()) {
        finish({});
      }
      return;
    }
    if (got == Pull::blocked) {
      return;
    }
    if (written > kRunBudget) {
      resources_.loop.wake(*this);
      return;
    }
  }
}

Pull L4Session::pull_body(OutQueue& out, std::size_t room, event::Task& consumer) {
  while (room > 0 && out.slots_free() > 0) {
    if (begin_ < input_end_) {
      std::size_t n = std::min(room, input_end_ - begin_);
      out.push(Slice(std::string_view(input_->data() + begin_, n), input_));
      begin_ += n;
      room -= n;
      if (begin_ == input_end_) {
        input_ = nullptr;
        begin_ = input_end_ = 0;
      }
      continue;
    }
    if (client_error_.code != Code::none || read_ended_) {
      break;
    }
    if (reader_.is_busy()) {
      return Pull::more; // out has what has to go first
    }
    auto got = reader_.read(*transport_, out, room);
    if (got.state == net::IoResult::would_block) {
      consumer_ = &consumer;
      return out.empty() ? Pull::blocked : Pull::more;
    }
    if (got.state == net::IoResult::failed) {
      client_error_ = {Code::reset, Side::client, Retry::no, got.sys};
    }
    read_ended_ = got.state != net::IoResult::ok;
    bytes_in_ += got.bytes;
    room -= got.bytes;
  }
  if (!out.empty() || !read_ended_) {
    return Pull::more;
  }
  return client_error_.code != Code::none ? Pull::failed : Pull::end;
}

const http::Fields& L4Session::body_trailers() const {
  static const http::Fields kNone;
  return kNone;
}

log::AccessRecord L4Session::row() {
  log::AccessRecord record = l4_row(resources_, *generation_, route_, ends_.client, started_);
  record.bytes_in = static_cast<std::int64_t>(bytes_in_);
  record.bytes_out = static_cast<std::int64_t>(bytes_out_);
  record.ttfb = first_byte_.count();
  record.sni = sni_;
  if (fetch_) {
    OriginFacts facts = fetch_->facts();
    record.origin = facts.address;
    record.server = facts.server;
    record.pool = generation_->pools[*route_->pool]->name();
  }
  return record;
}

void L4Session::finish(const Error& error) {
  log::AccessRecord record = row();
  record.end = end_.empty() ? end_word(error) : end_;
  Arena arena;
  if (route_ != nullptr) {
    note_verdict(verdict_, *route_->rules, arena, record);
  }
  if (resources_.ring != nullptr) {
    resources_.ring->push(record);
  }
  metrics::count(Metric::client_bytes_in, bytes_in_);
  metrics::count(Metric::client_bytes_out, bytes_out_);
  if (state_ == State::relay) {
    metrics::count(Metric::l4_relayed);
  } else if (end_.empty()) {
    metrics::count(Metric::l4_failed);
  }
  if (error.code != Code::none) {
    transport_->reset(); // only a reset tells a cut from an end
  }
  close();
}

void L4Session::refuse(std::string_view end, Metric counter) {
  metrics::count(counter);
  end_ = end;
  finish({});
}

void L4Session::close() {
  if (state_ == State::closed) {
    return;
  }
  state_ = State::closed;
  deadline_.disarm();
  fetch_.reset();
  transport_->close();
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<SessionTag>&>(*this).unlink();
  resources_.loop.retire(std::unique_ptr<event::Task>(this));
}

void L4Session::end() {
  if (state_ == State::dial || state_ == State::relay) {
    finish({Code::stopped, Side::self});
  } else {
    close();
  }
}

void L4Session::drain() {
  if (state_ == State::hello && input_end_ == 0) {
    close();
  }
}

} // namespace weir::proxy
