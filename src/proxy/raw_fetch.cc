// SPDX-License-Identifier: Apache-2.0
#include "proxy/raw_fetch.h"

#include "proxy/fill_head.h"
#include "proxy/resources.h"

namespace weir::proxy {

RawFetch::RawFetch(Resources& resources, std::unique_ptr<FetchPlan> plan)
    : resources_(resources), plan_(std::move(plan)),
      dial_(resources.loop, resources.resolver, resources.connections, resources.own_addresses(),
            *this, *plan_) {}

RawFetch::~RawFetch() = default;

void RawFetch::start(event::Task& consumer) {
  consumer_ = &consumer;
  dial_.start(plan_->dial);
  run();
}

void RawFetch::run() {
  if (relay_) {
    relay_->run(*consumer_);
    return;
  }
  switch (dial_.step()) {
  case Dial::State::resolve:
  case Dial::State::queue:
  case Dial::State::connect:
  case Dial::State::secure:
    return;
  case Dial::State::failed:
    error_ = dial_.error();
    break;
  case Dial::State::ready:
    begin_relay();
    break;
  }
  resources_.loop.wake(*consumer_);
}

void RawFetch::begin_relay() {
  BodySource* client = plan_->tunnel;
  if (plan_->peek) {
    plan_->may_dial_now = dial_.address(); // of those that were asked about
    gate_ = std::make_unique<HelloGate>(*plan_);
    client = gate_.get();
  }
  relay_ = std::make_unique<Relay>(resources_.loop, *this, dial_.take_connection(), *client,
                                   plan_->tunnel_times);
  head_ = tunnel_head();
}

void RawFetch::open() {
  relay_->open();
  relay_->run(*consumer_);
}

void RawFetch::break_tunnel() {
  if (relay_) {
    relay_->break_off();
  }
}

Pull RawFetch::pull(OutQueue& out, std::size_t room) {
  if (error_.code != Code::none) {
    return Pull::failed;
  }
  return relay_ ? relay_->pull(out, room) : Pull::blocked;
}

OriginFacts RawFetch::facts() const {
  OriginFacts facts;
  facts.address = dial_.address();
  facts.server = dial_.server() != nullptr ? std::string_view(dial_.server()->label) : "";
  facts.bytes_in = relay_ ? relay_->bytes_in() : 0;
  facts.bytes_out = relay_ ? relay_->bytes_out() : 0;
  if (gate_) {
    facts.sni = gate_->sni();
    facts.verdict = gate_->verdict();
  }
  return facts;
}

} // namespace weir::proxy
