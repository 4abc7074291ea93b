// SPDX-License-Identifier: Apache-2.0
//
// RawFetch: a tunnel (CONNECT): a connection to the origin without framing. The request's direction
// is the session's raw body, the answer's is pull(); each ends by itself (WIRE_RULES W8.4). Owner:
// an Exchange. See fetch.h.
#pragma once

#include "proxy/fetch.h"
#include "proxy/fetch_plan.h"

namespace weir::proxy {

struct Resources;

class RawFetch final : public Fetch {
public:
  /// `idle`: when nothing moves; `lifetime`: however busy, 0 for ever.
  RawFetch(Resources& resources, std::unique_ptr<FetchPlan> plan, Duration idle, Duration lifetime);
  ~RawFetch() override;

  void start(event::Task& consumer) override;
  std::string take_interim() override { return {}; }
  Ref<const cache::FillHead> head() override { return head_; }
  Ref<const cache::Entry> revalidated() override { return {}; }
  Pull pull(OutQueue& out, std::size_t room) override;
  Error error() const override { return error_; }
  OriginFacts facts() const override;
  void hand_to(event::Task& consumer) override { consumer_ = &consumer; }
  void keep_request() override { plan_->keep_request(); }
  const http::Fields& trailers() const override { return none_; }
  bool ended() const override { return to_origin_ended_ && from_origin_ended_; }
  /// The client has its 200: bytes may flow.
  void open() { relay(); }

  void run() override;

private:
  void relay();
  void note_progress();
  void fail(const Error& error);

  Resources& resources_;
  std::unique_ptr<FetchPlan> plan_;
  event::Task* consumer_ = nullptr;
  bool dialled_ = false;
  bool opened_ = false;
  bool to_origin_ended_ = false;
  bool from_origin_ended_ = false;
  Dial dial_;
  std::unique_ptr<origin::OriginConn> connection_;
  const Duration idle_;
  const Duration lifetime_;
  event::Deadline idle_deadline_;
  event::Deadline life_deadline_;
  Error error_;
  OutQueue out_;
  Ref<Chunk> input_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  http::Fields none_;
  Ref<const cache::FillHead> head_;
};

} // namespace weir::proxy
