// SPDX-License-Identifier: Apache-2.0
//
// A client's side of an HTTP/2 connection (its preface goes before), in several splits: what
// comes out as good could be written as HTTP/1. Each request is answered.
#include <map>
#include <memory>
#include <string>

#include "check.h"
#include "http/h2_codec.h"

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

struct Connection;

struct Stream final : H2Peer {
  Stream(Connection& of, std::int32_t number) : connection(of), id(number) {}
  RequestHead& head() override { return request; }
  Arena& arena() override { return memory; }
  const HeadLimits& limits() const override { return kDefaultLimits; }
  Fields& trailer_fields() override { return trailers; }
  void on_head(const Result<void>& good, bool end) override;
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(std::uint32_t error) override;
  Pull pull_body(OutQueue& out, std::size_t room) override {
    std::string_view part = rest.substr(0, room);
    out.push(Slice(part));
    rest.remove_prefix(part.size());
    return rest.empty() ? Pull::end : Pull::more;
  }
  const Fields& own_trailers() override { return none; }
  void on_sent(std::size_t) override {}

  Connection& connection;
  const std::int32_t id;
  RequestHead request;
  Arena memory;
  Fields trailers;
  Fields none;
  std::string_view rest = "the body of an answer";
};

struct Connection final : H2Guard {
  H2Peer* begin_stream(std::int32_t id) override {
    auto& made = streams[id];
    CHECK(made == nullptr);
    made = std::make_unique<Stream>(*this, id);
    return made.get();
  }
  bool tolerates(H2Flood kind) override { return ++floods[kind] < 100; }
  void on_go_away(std::uint32_t error) override { CHECK(error != 0); }

  std::map<std::int32_t, std::unique_ptr<Stream>> streams;
  std::map<H2Flood, int> floods;
  std::string seen;
  H2Codec codec{*this, {}};
};

void check_plain(std::string_view text) {
  CHECK(text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos);
}

void Stream::on_head(const Result<void>& good, bool end) {
  connection.seen += std::to_string(id) + (good ? " good " : " bad ");
  if (good) {
    CHECK(is_token(request.method_text));
    check_plain(request.uri.path_query);
    check_plain(request.uri.host);
    CHECK(request.fields.count(FieldId::host) == 1);
    for (const Field& field : request.fields) {
      CHECK(is_token(field.name) && is_field_value(field.value));
    }
    connection.seen.append(request.method_text).append(request.uri.host);
    connection.seen.append(request.uri.path_query).append(end ? "." : "");
  }
  connection.codec.respond(id, good ? 200 : 400, "HTTP/1.1 200 OK\r\nServer: x\r\n", "Age: 1\r\n",
                           {Framing::Kind::chunked, 0}, true);
}

void Stream::on_data(std::string_view bytes) {
  connection.seen += bytes;
  connection.codec.consumed(id, bytes.size());
}

void Stream::on_end() { connection.seen += "|"; }

void Stream::on_closed(std::uint32_t) {
  connection.streams.erase(id); // its last call
}

std::string run(std::string_view bytes, std::size_t step) {
  Connection connection;
  OutQueue out;
  CHECK(connection.codec.feed(kPreface));
  bool good = true;
  while (good && !bytes.empty()) {
    std::string part(bytes.substr(0, step));
    bytes.remove_prefix(part.size());
    good = static_cast<bool>(connection.codec.feed(part));
  }
  // Nothing is sent before all has come: splits may not change what is seen.
  for (int i = 0; i < 1000 && connection.codec.pull(out) && !out.empty(); ++i) {
    out.consume(out.bytes());
  }
  return connection.seen; // nghttp2 may tell of an error only with the bytes after it
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text_of(data, size);
  // After a connection error nghttp2 may say more or less of what follows, as the bytes are split:
  // so only what is seen is judged, not that it is the same.
  for (std::size_t step : {size + 1, std::size_t{1}, std::size_t{7}, size / 2 + 1}) {
    run(bytes, step);
  }
  return 0;
}
