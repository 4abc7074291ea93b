// SPDX-License-Identifier: Apache-2.0
//
// RawFetch: a tunnel (CONNECT), or an l4's connection: one to the origin without framing, and a
// Relay on it. Owner: an Exchange or an L4Session. See fetch.h.
#pragma once

#include "proxy/fetch.h"
#include "proxy/fetch_plan.h"
#include "proxy/hello_gate.h"

namespace weir::proxy {

struct Resources;

class RawFetch final : public Fetch {
public:
  RawFetch(Resources& resources, std::unique_ptr<FetchPlan> plan);
  ~RawFetch() override;

  void start(event::Task& consumer) override;
  std::string take_interim() override { return {}; }
  Ref<const cache::FillHead> head() override { return head_; }
  Ref<const cache::Entry> revalidated() override { return {}; }
  Pull pull(OutQueue& out, std::size_t room) override;
  Error error() const override { return relay_ ? relay_->error() : error_; }
  OriginFacts facts() const override;
  void hand_to(event::Task& consumer) override { consumer_ = &consumer; }
  bool sent() const override { return true; }
  void keep_request() override { plan_->keep_request(); }
  const http::Fields& trailers() const override { return none_; }
  bool ended() const override { return relay_ && relay_->ended(); }
  void open() override;
  void break_tunnel() override;

  void run() override;

private:
  void begin_relay();

  Resources& resources_;
  std::unique_ptr<FetchPlan> plan_;
  event::Task* consumer_ = nullptr;
  Dial dial_;
  std::unique_ptr<HelloGate> gate_; // of a CONNECT, once it is connected
  std::unique_ptr<Relay> relay_;    // once it is connected
  Error error_;
  http::Fields none_;
  Ref<const cache::FillHead> head_;
};

} // namespace weir::proxy
