// SPDX-License-Identifier: Apache-2.0
//
// An origin's side of an HTTP/2 connection (its SETTINGS go before) on which three requests were
// made, the last one an extended CONNECT, in several splits: what comes out as good could be
// written as HTTP/1, and nothing follows a stream's last call.
#include <array>
#include <string>

#include "check.h"
#include "http/h2_origin_codec.h"

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
constexpr std::string_view kHead = "POST /a HTTP/1.1\r\nHost: www.test\r\n\r\n";

struct Asked final : H2OriginPeer {
  Method method() const override { return asked; }
  Pull pull_body(OutQueue& out, std::size_t room) override {
    std::string_view part = body.substr(0, room);
    out.push(Slice(part));
    body.remove_prefix(part.size());
    return body.empty() ? Pull::end : Pull::more;
  }
  const Fields& own_trailers() override { return none; }
  void on_sent(std::size_t) override {}
  void on_all_sent() override {}
  ResponseHead& response() override { return head; }
  Arena& arena() override { return memory; }
  const HeadLimits& limits() const override { return kDefaultLimits; }
  Fields& trailer_fields() override { return trailers; }
  void on_received(std::size_t) override { CHECK(!over); }
  void on_head(const Result<void>& good, bool end) override {
    CHECK(!over && !has_final);
    if (!good) {
      over = true;
      return;
    }
    CHECK(head.status >= 100 && head.status < 1000);
    CHECK(!head.fields.has(FieldId::connection) && !head.fields.has(FieldId::transfer_encoding));
    check(head.fields);
    if (is_informational(head.status)) {
      CHECK(!end);
      head.clear();
      return;
    }
    has_final = true;
    left = head.framing.kind == Framing::Kind::length ? head.framing.length : UINT64_MAX;
  }
  void on_data(std::string_view bytes) override {
    CHECK(!over && has_final && !ended);
    CHECK(bytes.size() <= left);
    left -= left == UINT64_MAX ? 0 : bytes.size();
    taken += bytes.size();
  }
  void on_end(const Result<void>& good) override {
    CHECK(!over && has_final && !ended);
    CHECK((!good || left == 0 || left == UINT64_MAX)); // never a part as the whole
    ended = static_cast<bool>(good);
    over = !good;
    check(trailers);
  }
  void on_closed(std::uint32_t) override {
    CHECK(!over);
    over = true;
  }
  static void check(const Fields& fields) {
    for (const Field& field : fields) {
      CHECK(is_token(field.name) && is_field_value(field.value));
    }
  }

  Method asked = Method::post;
  std::string_view body = "the body of a request";
  ResponseHead head;
  Arena memory;
  Fields trailers;
  Fields none;
  std::uint64_t left = 0;
  std::size_t taken = 0;
  bool has_final = false;
  bool ended = false;
  bool over = false;
};

struct Origin final : H2OriginGuard {
  void on_settings() override {}
  bool tolerates(H2Flood) override { return ++floods < 100; }
  void on_go_away(std::uint32_t error) override { CHECK(error != 0); }
  void send() {
    OutQueue out;
    for (int i = 0; i < 1000 && codec.pull(out) && !out.empty(); ++i) {
      out.consume(out.bytes());
    }
  }

  int floods = 0;
  std::array<Asked, 3> asked;
  H2OriginCodec codec{*this, {}};
};

void run(std::string_view bytes, std::size_t step) {
  Origin origin;
  origin.asked[1].asked = Method::head;
  origin.asked[2].asked = Method::connect;
  for (Asked& each : origin.asked) {
    std::string_view protocol = each.asked == Method::connect ? "websocket" : "";
    CHECK(origin.codec.request(each, kHead, "http", &each != &origin.asked[1], protocol) > 0);
  }
  origin.send();
  CHECK(origin.codec.feed(kSettings));
  bool good = true;
  while (good && !bytes.empty()) {
    std::string part(bytes.substr(0, step));
    bytes.remove_prefix(part.size());
    good = static_cast<bool>(origin.codec.feed(part));
    for (std::size_t i = 0; i < origin.asked.size(); ++i) {
      Asked& each = origin.asked[i];
      auto id = static_cast<std::int32_t>(2 * i + 1);
      if (std::size_t n = std::exchange(each.taken, 0); n > 0) {
        each.over ? origin.codec.dropped(n) : origin.codec.consumed(id, n);
      }
    }
    origin.send();
  }
  CHECK(origin.codec.open() <= origin.asked.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text_of(data, size);
  for (std::size_t step : {size + 1, std::size_t{1}, std::size_t{7}, size / 2 + 1}) {
    run(bytes, step);
  }
  return 0;
}
