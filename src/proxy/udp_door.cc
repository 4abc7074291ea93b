// SPDX-License-Identifier: Apache-2.0
#include "proxy/udp_door.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/errlog.h"
#include "proxy/l4_row.h"
#include "proxy/resources.h"
#include "proxy/udp_places.h"
#include "proxy/udp_session.h"
#include "proxy/verdict_note.h"

namespace weir::proxy {

using metrics::Metric;

namespace {
constexpr Duration kTellAgain = std::chrono::minutes(1);
constexpr Duration kNoteAgain = std::chrono::seconds(1);

/// Whether that much time has passed since `last`, which is now then.
bool is_time(MonoTime& last, Duration pause) noexcept {
  if (last != MonoTime{} && Clock::mono() - last < pause) {
    return false;
  }
  last = Clock::mono();
  return true;
}
} // namespace

UdpDoor::UdpDoor(Resources& resources, const ListenPlace& place, net::ListenSocket socket)
    : resources_(resources), place_(place), socket_(std::move(socket)),
      wildcard_(net::is_wildcard(place.address)),
      watch_(std::make_unique<event::LevelWatch>(resources.loop, socket_.fd.get(),
                                                 event::LevelWatch::kRead, *this)) {}

UdpDoor::~UdpDoor() { close(); }

std::size_t UdpDoor::EndsHash::operator()(const net::UdpEnds& ends) const noexcept {
  std::array<char, 16 + 16 + 2 + 4> bytes;
  const std::uint16_t port = ends.client.port();
  std::memcpy(bytes.data(), ends.client.bytes().data(), 16);
  std::memcpy(bytes.data() + 16, ends.local.bytes().data(), 16);
  std::memcpy(bytes.data() + 32, &port, 2);
  std::memcpy(bytes.data() + 34, &ends.interface, 4);
  return siphash64(secret, {bytes.data(), bytes.size()});
}

void UdpDoor::run() {
  if (!watch_ || watch_->take_ready() == 0) {
    return;
  }
  for (std::size_t batch = 0; batch < kBatchesPerTurn; ++batch) {
    auto got = datagrams_.receive(socket_.fd.get());
    const std::size_t count = got ? *got : 0; // an error here is of no datagram that we have
    for (std::size_t i = 0; i < count; ++i) {
      take(datagrams_.ends(i), datagrams_.bytes(i));
    }
    if (count < net::Datagrams::kMost) {
      return;
    }
  }
}

void UdpDoor::take(net::UdpEnds ends, std::string_view bytes) {
  ends.local = wildcard_ ? ends.local.with_port(place_.address.port()) : place_.address;
  auto at = sessions_.find(ends);
  UdpSession* session = at != sessions_.end() ? at->second : begin(ends);
  if (session != nullptr) {
    session->take(bytes);
  }
}

UdpSession* UdpDoor::begin(const net::UdpEnds& ends) {
  const GenerationRef& generation = resources_.generation;
  const ListenUse& use = generation->listen(place_);
  if (draining_ || resources_.short_of_memory || !use.used ||
      use.direction != rules::Direction::l4) { // a reload has taken the listener away
    metrics::count(Metric::udp_dropped_full);
    return nullptr;
  }
  const rules::Route& route = *generation->routes->find(use.listener, {}, {}).route;
  rules::Facts facts;
  facts.client = ends.client;
  facts.place = route.place;
  facts.sni_known = true; // that there is none
  rules::Verdict verdict = route.rules->evaluate(facts, Clock::wall());
  if (!verdict.allows()) {
    deny(ends, route, verdict);
    return nullptr;
  }
  if (!resources_.udp_places->take()) {
    tell_full();
    return nullptr;
  }
  auto session =
      std::make_unique<UdpSession>(resources_, *this, ends, UdpAdmission{&route, verdict});
  sessions_.emplace(ends, session.get());
  resources_.sessions.push_back(*session); // it retires itself
  return session.release();
}

/// No answer: the sender may be somebody else, who would get it.
void UdpDoor::deny(const net::UdpEnds& ends, const rules::Route& route,
                   const rules::Verdict& verdict) {
  metrics::count(Metric::rules_denied);
  metrics::count(Metric::udp_dropped_denied);
  if (resources_.ring == nullptr || !is_time(denied_noted_, kNoteAgain)) {
    return; // a flood of them fills no log
  }
  log::AccessRecord record =
      l4_row(resources_, *resources_.generation, &route, ends.client, Clock::mono());
  record.scheme = "udp";
  record.end = "denied";
  Arena arena;
  note_verdict(verdict, *route.rules, arena, record);
  resources_.ring->push(record);
}

void UdpDoor::tell_full() {
  metrics::count(Metric::udp_dropped_full);
  if (is_time(full_told_, kTellAgain)) {
    log_warn("net: all places of UDP sessions are taken: datagrams of further clients to {} are "
             "dropped (udp-sessions)",
             place_.address.to_string());
  }
}

net::Sent UdpDoor::answer(const net::UdpEnds& ends, std::string_view bytes) const noexcept {
  net::UdpEnds way = ends;
  if (!wildcard_) {
    way.local = {};
  }
  return net::send_datagram(socket_.fd.get(), bytes, way);
}

void UdpDoor::close() {
  while (!sessions_.empty()) {
    sessions_.begin()->second->end();
  }
  watch_.reset();
  socket_.fd.close();
}

} // namespace weir::proxy
