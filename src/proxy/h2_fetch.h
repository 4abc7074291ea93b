// SPDX-License-Identifier: Apache-2.0
//
// H2Fetch: a Fetch that is a stream of an HTTP/2 connection to the origin, an H2Origin that it
// shares with others. See fetch.h for owner, thread and states.
//
// What the connection tells (H2OriginPeer, on_lost) is noted, and the fetch's own turn acts on it.
// What arrived and nobody has taken waits here, bounded by the stream's window. A WebSocket is an
// extended CONNECT (RFC 8441), if the origin takes that; its stream is a tunnel once that is
// answered with 2xx.
#pragma once

#include "http/h2_origin_codec.h"
#include "proxy/arrived.h"
#include "proxy/fetch.h"
#include "proxy/fetch_plan.h"
#include "proxy/h2_origin.h"
#include "proxy/h2_relay.h"

namespace weir::proxy {

struct Resources;

class H2Fetch final : public Fetch, public http::H2OriginPeer, public ListNode<AskTag> {
public:
  H2Fetch(Resources& resources, std::unique_ptr<FetchPlan> plan);
  ~H2Fetch() override;

  // Producer.
  void start(event::Task& consumer) override;
  void hand_to(event::Task& consumer) override;
  std::string take_interim() override;
  Ref<const cache::FillHead> head() override { return fill_head_; }
  Ref<const cache::Entry> revalidated() override { return revalidated_; }
  Pull pull(OutQueue& out, std::size_t room) override;
  Error error() const override { return error_; }

  // Fetch.
  OriginFacts facts() const override;
  bool sent() const override { return request_sent_; }
  void keep_request() override;
  const http::Fields& trailers() const override { return trailers_; }
  bool ended() const override;
  void open() override;

  void run() override;

  /// What the origin takes is known: after H2Origin::await_settings().
  void on_settled();
  /// The connection is over: its last call.
  void on_lost(const Error& why);

  // H2OriginPeer.
  http::Method method() const override {
    return plan_->websocket ? http::Method::connect : plan_->request->method;
  }
  Pull pull_body(OutQueue& out, std::size_t room) override;
  const http::Fields& own_trailers() override;
  void on_sent(std::size_t bytes) override;
  void on_all_sent() override;
  http::ResponseHead& response() override { return response_; }
  Arena& arena() override { return arena_; }
  const http::HeadLimits& limits() const override { return plan_->limits; }
  http::Fields& trailer_fields() override { return trailers_; }
  void on_received(std::size_t bytes) override { bytes_in_ += bytes; }
  void on_head(const Result<void>& good, bool end) override;
  void on_data(std::string_view bytes) override;
  void on_end(const Result<void>& good) override;
  void on_closed(std::uint32_t error) override;

private:
  enum class Answer : std::uint8_t {
    due,  // nothing but interim heads so far
    head, // the final head is there
    whole // and the end
  };
  /// Why no more of the answer comes.
  enum class Loss : std::uint8_t {
    none,
    fault,      // of the answer, or of the client's body
    refused,    // the origin says that it has not looked at the request
    connection, // it broke off
  };

  void go(FetchState state);
  void tell();
  void note(Loss loss, const Error& error);
  bool dial();
  void ask();
  void ask_on(H2Origin& origin);
  void push();
  void take_head();
  void open_tunnel();
  void run_tunnel();
  Pull pull_client(OutQueue& out, std::size_t room);
  Pull pull_arrived(OutQueue& out, std::size_t room);
  void lose();
  bool may_retry() const;
  void detach();
  void forget_stream();
  void fail(const Error& error);
  Pull finish();

  Resources& resources_;
  std::unique_ptr<FetchPlan> plan_;
  event::Task* consumer_ = nullptr;
  FetchState state_ = FetchState::dial;
  Trail<16> trail_;
  Dial dial_;
  H2Origin* connection_ = nullptr; // while there is a stream, or octets to give back
  std::int32_t stream_ = 0;        // 0: none, or it is closed
  event::Deadline deadline_;
  Duration waits_{}; // what it is armed for
  Error error_;

  bool request_sent_ = false;
  bool body_begun_ = false; // some of it was taken from the client
  bool retried_ = false;
  std::uint64_t bytes_out_ = 0;
  std::uint64_t bytes_in_ = 0;

  Arena arena_;
  http::ResponseHead response_;
  Answer answer_ = Answer::due;
  Loss loss_ = Loss::none;
  Error lost_;      // with loss_
  Arrived prefix_;  // stored octets that go before those of the origin (C10.4)
  Arrived arrived_; // of the body
  http::Fields trailers_;
  http::Fields no_trailers_;
  std::vector<std::string> interims_;
  Ref<const cache::FillHead> fill_head_;
  Ref<const cache::Entry> revalidated_;
  std::unique_ptr<H2Relay> relay_; // of a tunnel
};

} // namespace weir::proxy
