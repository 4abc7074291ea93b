// SPDX-License-Identifier: Apache-2.0
#include "proxy/hello_gate.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "metrics/metrics.h"

namespace weir::proxy {

using metrics::Metric;

Pull HelloGate::pull_body(OutQueue& out, std::size_t room, event::Task& consumer) {
  if (state_ == State::hold) {
    if (Pull got = gather(consumer); state_ == State::hold) {
      return got;
    }
  }
  if (state_ == State::refused) {
    return Pull::failed;
  }
  if (!held_) {
    return client_.pull_body(out, room, consumer);
  }
  if (room > 0 && out.slots_free() > 0) {
    std::size_t n = std::min(room, end_ - begin_);
    out.push(Slice(std::string_view(held_->data() + begin_, n), held_));
    begin_ += n;
    if (begin_ == end_) {
      held_ = nullptr;
    }
  }
  return Pull::more;
}

/// Until the gate opens, or the client has no more for now.
Pull HelloGate::gather(event::Task& consumer) {
  static_assert(net::kWholeClientHello <= Chunk::kSmall);
  OutQueue in;
  Pull got = Pull::more;
  while (state_ == State::hold && got == Pull::more) {
    got = client_.pull_body(in, net::kWholeClientHello - end_, consumer);
    while (!in.empty()) {
      Slice slice = in.pop();
      if (!held_) {
        held_ = Chunk::small();
      }
      std::memcpy(held_->data() + end_, slice.data, slice.size);
      end_ += slice.size;
    }
    if (end_ > 0 || got == Pull::end) {
      look(got == Pull::end || end_ == net::kWholeClientHello);
    }
  }
  return got;
}

void HelloGate::look(bool at_end) {
  auto hello = net::parse_client_hello({held_ ? held_->data() : "", end_});
  if (hello && !*hello && !at_end) {
    return;
  }
  const bool whole = hello && *hello;
  if (whole) {
    hello_ = std::move(**hello);
  }
  // What hangs on the host is not for who hides it in bytes that only a server may understand.
  const bool matters = plan_.match_sni || plan_.rules != nullptr;
  error_ = whole || end_ == 0 || !matters ? judge() : Error{Code::malformed, Side::client};
  state_ = error_.code == Code::none ? State::open : State::refused;
  if (state_ == State::refused) {
    held_ = nullptr;
    metrics::count(Metric::tunnels_sni_refused);
  }
}

Error HelloGate::judge() {
  if (plan_.match_sni && !hello_.sni.empty() && hello_.sni != plan_.dial.host) {
    return {Code::sni_mismatch, Side::client};
  }
  if (plan_.rules == nullptr) {
    return {};
  }
  plan_.facts.sni = hello_.sni;
  plan_.facts.sni_known = true;
  verdict_ = plan_.rules->evaluate(plan_.facts, Clock::wall());
  if (verdict_->allows()) {
    return {};
  }
  metrics::count(Metric::rules_denied);
  return {Code::denied, Side::client};
}

} // namespace weir::proxy
