// SPDX-License-Identifier: Apache-2.0
//
// H1Fetch: a Fetch that speaks HTTP/1.1 to the origin. See fetch.h for owner, thread and states.
#pragma once

#include "http/h1_chunked.h"
#include "http/h1_parser.h"
#include "proxy/arrived.h"
#include "proxy/fetch.h"
#include "proxy/fetch_plan.h"

namespace weir::proxy {

struct Resources;

class H1Fetch final : public Fetch {
public:
  H1Fetch(Resources& resources, std::unique_ptr<FetchPlan> plan);
  ~H1Fetch() override;

  // Producer.
  void start(event::Task& consumer) override;
  void hand_to(event::Task& consumer) override;
  std::string take_interim() override;
  Ref<const cache::FillHead> head() override { return fill_head_; }
  Ref<const cache::Entry> revalidated() override { return revalidated_; }
  Pull pull(OutQueue& out, std::size_t room) override;
  Error error() const override { return relay_ ? relay_->error() : error_; }

  // Fetch.
  OriginFacts facts() const override;
  bool sent() const override { return request_sent_; }
  void keep_request() override;
  const http::Fields& trailers() const override { return trailers_; }
  bool ended() const override { return relay_ ? relay_->ended() : state_ == FetchState::done; }
  void open() override;
  void break_tunnel() override;

  void run() override;

private:
  void go(FetchState state);
  void tell();
  void begin_sending();
  bool may_have_answered() const;
  bool send();
  Pull take_body();
  bool read_head();
  bool take_head();
  bool switch_protocols();
  void interim();
  bool read_more();
  void make_room();
  void on_closed(Code code, int sys);
  bool may_retry() const;
  void fail(const Error& error);
  Pull finish();
  bool take_prefix(OutQueue& out, std::size_t& room);
  Pull take_length(OutQueue& out, std::size_t room);
  Pull take_chunked(OutQueue& out, std::size_t room);
  Pull take_until_close(OutQueue& out, std::size_t room);
  Pull wait_for_body();
  std::string_view unread() const noexcept { return {input_->data() + begin_, end_ - begin_}; }

  Resources& resources_;
  std::unique_ptr<FetchPlan> plan_;
  event::Task* consumer_ = nullptr;
  FetchState state_ = FetchState::dial;
  Trail<16> trail_;
  Dial dial_;
  std::unique_ptr<origin::OriginConn> connection_;
  event::Deadline deadline_;
  Error error_;

  OutQueue out_;
  bool head_sent_ = false;    // queued
  bool request_sent_ = false; // all of it is with the kernel
  bool send_failed_ = false;
  bool retried_ = false;
  std::uint64_t bytes_out_ = 0;
  std::uint64_t bytes_in_ = 0;

  Ref<Chunk> input_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  bool large_ = false; // read into large chunks
  Arena arena_;
  http::H1Parser parser_;
  http::ResponseHead head_;
  http::ChunkedReader chunks_;
  std::uint64_t body_left_ = 0;
  Arrived prefix_; // stored octets that go before those of the origin (C10.4)
  http::Fields trailers_;
  std::vector<std::string> interims_;
  Ref<const cache::FillHead> fill_head_;
  Ref<const cache::Entry> revalidated_;
  std::unique_ptr<Relay> relay_; // after 101
};

} // namespace weir::proxy
