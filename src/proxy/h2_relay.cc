// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_relay.h"

#include "metrics/metrics.h"

namespace weir::proxy {

H2Relay::H2Relay(event::Loop& loop, event::Task& owner, BodySource& client,
                 const TunnelTimes& times)
    : loop_(loop), owner_(owner), client_(client), times_(times) {
  metrics::add(metrics::Metric::tunnels_active);
  life_deadline_.arm(loop_, times_.lifetime, owner_);
  note_progress();
}

H2Relay::~H2Relay() {
  metrics::sub(metrics::Metric::tunnels_active);
  client_.stop_body();
}

Pull H2Relay::pull_client(OutQueue& out, std::size_t room) {
  if (!opened_) {
    return Pull::blocked;
  }
  Pull got = client_.pull_body(out, room, owner_);
  if (!out.empty()) {
    note_progress();
  }
  return got;
}

Pull H2Relay::note_pull(Pull got, bool moved) {
  if (moved) {
    note_progress();
  }
  awaited_ = got == Pull::blocked;
  from_origin_ended_ = from_origin_ended_ || got == Pull::end;
  return got;
}

} // namespace weir::proxy
