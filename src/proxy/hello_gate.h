// SPDX-License-Identifier: Apache-2.0
//
// HelloGate: what a client sends into a CONNECT tunnel, kept back until it is known which host its
// TLS names, if it is TLS at all; then the rules that hang on that are asked, and the bytes go on
// as they came. What an origin sends first is not kept back, so that protocols in which it speaks
// first work. Owner: the RawFetch, whose plan it asks; worker's thread.
#pragma once

#include <optional>
#include <string_view>

#include "net/client_hello.h"
#include "proxy/fetch_plan.h"
#include "rules/verdict.h"

namespace weir::proxy {

class HelloGate final : public BodySource {
public:
  /// In front of the plan's tunnel; both outlive it.
  explicit HelloGate(FetchPlan& plan) : plan_(plan), client_(*plan.tunnel) {}

  /// The host in the ClientHello; empty: none, or not known yet.
  std::string_view sni() const noexcept { return hello_.sni; }
  /// Of the rules, once they were asked; null: they were not.
  const rules::Verdict* verdict() const noexcept { return verdict_ ? &*verdict_ : nullptr; }

  Pull pull_body(OutQueue& out, std::size_t room, event::Task& consumer) override;
  void stop_body() override { client_.stop_body(); }
  const http::Fields& body_trailers() const override { return client_.body_trailers(); }
  /// denied, sni_mismatch, malformed; else the client's.
  Error body_error() const override {
    return error_.code != Code::none ? error_ : client_.body_error();
  }
  void limit_body(std::uint64_t most) override { client_.limit_body(most); }

private:
  enum class State : std::uint8_t {
    hold,    // the ClientHello is not whole
    open,    // the client may be heard
    refused, // error_ says why
  };

  Pull gather(event::Task& consumer);
  void look(bool at_end);
  Error judge();

  FetchPlan& plan_;
  BodySource& client_;
  State state_ = State::hold;
  Ref<Chunk> held_; // what came while it was shut; null: nothing is left of it
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  net::ClientHello hello_;
  std::optional<rules::Verdict> verdict_;
  Error error_;
};

} // namespace weir::proxy
