// SPDX-License-Identifier: Apache-2.0
//
// The two codecs of HTTP/2 against each other, and the origin's side by frames made by hand.
#include "http/h2_origin_codec.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

std::string drain(OutQueue& out) {
  std::string all;
  while (!out.empty()) {
    all += out.pop().view();
  }
  return all;
}

std::string_view value_of(const Fields& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (iequals(field.name, name)) {
      return field.value;
    }
  }
  return {};
}

Pull take(std::string_view& from, OutQueue& out, std::size_t room) {
  std::string_view part = from.substr(0, room);
  out.push(Slice(part));
  from.remove_prefix(part.size());
  return from.empty() ? Pull::end : Pull::more;
}

/// A request, and what came of it.
struct Asked final : H2OriginPeer {
  Method method() const override { return asked; }
  Pull pull_body(OutQueue& out, std::size_t room) override {
    return blocked ? Pull::blocked : take(body, out, room);
  }
  const Fields& own_trailers() override { return sent_trailers; }
  void on_sent(std::size_t bytes) override { bytes_sent += bytes; }
  void on_all_sent() override { all_sent = true; }
  ResponseHead& response() override { return head; }
  Arena& arena() override { return memory; }
  const HeadLimits& limits() const override { return head_limits; }
  Fields& trailer_fields() override { return trailers; }
  void on_received(std::size_t bytes) override { bytes_received += bytes; }
  void on_head(const Result<void>& good, bool end) override {
    seen += good ? std::to_string(head.status) : "bad " + std::string(name(good.error().code));
    seen += end ? "." : " ";
    if (good && head.status < 200) {
      head.clear();
    }
  }
  void on_data(std::string_view bytes) override { seen += "[" + std::string(bytes) + "]"; }
  void on_end(const Result<void>& good) override { seen += good ? "|" : "bad|"; }
  void on_closed(std::uint32_t error) override { closed = static_cast<int>(error); }

  Method asked = Method::get;
  std::string_view body;
  bool blocked = false;
  bool all_sent = false;
  int closed = -1;
  std::size_t bytes_sent = 0;
  std::size_t bytes_received = 0;
  std::string seen;
  ResponseHead head;
  HeadLimits head_limits;
  Arena memory;
  Fields trailers;
  Fields sent_trailers;
};

struct Origin final : H2OriginGuard {
  void on_settings() override { settled = true; }
  bool tolerates(H2Flood) override { return ++floods < 100; }
  void on_go_away(std::uint32_t error) override { gone = error; }
  std::string pull() {
    std::string all;
    OutQueue out;
    while (good && (good = codec.pull(out)) && !out.empty()) {
      all += drain(out);
    }
    return all;
  }

  bool settled = false;
  std::uint32_t gone = 0;
  bool good = true;
  int floods = 0;
  H2OriginCodec codec{*this, {}};
};

/// A server by the other codec, that answers what each test says.
struct Server final : H2Guard {
  struct Stream final : H2Peer {
    RequestHead& head() override { return request; }
    Arena& arena() override { return memory; }
    const HeadLimits& limits() const override { return kDefaultLimits; }
    Fields& trailer_fields() override { return trailers; }
    void on_head(const Result<void>& is_good, bool end) override {
      good = static_cast<bool>(is_good);
      ended = end;
    }
    void on_data(std::string_view bytes) override { body += bytes; }
    void on_end() override { ended = true; }
    void on_closed(std::uint32_t error) override { closed = static_cast<int>(error); }
    Pull pull_body(OutQueue& out, std::size_t room) override { return take(answer, out, room); }
    const Fields& own_trailers() override { return own; }
    void on_sent(std::size_t) override {}

    RequestHead request;
    Arena memory;
    Fields trailers;
    Fields own;
    std::string body;
    std::string_view answer;
    bool good = false;
    bool ended = false;
    int closed = -1;
  };

  explicit Server(std::uint32_t most = 100) : codec(*this, {most, 128 * 1024, 1 << 20, 65536}) {}
  H2Peer* begin_stream(std::int32_t id) override {
    return (streams[id] = std::make_unique<Stream>()).get();
  }
  bool tolerates(H2Flood) override { return true; }
  void on_go_away(std::uint32_t) override {}

  std::map<std::int32_t, std::unique_ptr<Stream>> streams;
  H2Codec codec;
};

/// Bytes both ways until nothing moves.
void exchange(Origin& origin, Server& server) {
  for (bool moves = true; moves;) {
    std::string there = origin.pull();
    REQUIRE((there.empty() || server.codec.feed(there)));
    std::string back;
    OutQueue out;
    while (server.codec.pull(out) && !out.empty()) {
      back += drain(out);
    }
    REQUIRE((back.empty() || origin.codec.feed(back)));
    moves = !there.empty() || !back.empty();
  }
}

constexpr std::string_view kGet = "GET /a?b HTTP/1.1\r\nHost: www.test\r\nX-One: 1\r\n\r\n";

std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload = {}) {
  std::string made;
  auto byte = [&made](std::size_t value) { made += static_cast<char>(value & 0xff); };
  byte(payload.size() >> 16);
  byte(payload.size() >> 8);
  byte(payload.size());
  byte(static_cast<std::size_t>(type));
  byte(static_cast<std::size_t>(flags));
  byte(stream >> 24);
  byte(stream >> 16);
  byte(stream >> 8);
  byte(stream);
  return made.append(payload);
}

std::string literal(std::string_view field_name, std::string_view value) {
  std::string made(1, '\0');
  made += static_cast<char>(field_name.size());
  made += field_name;
  made += static_cast<char>(value.size());
  return made.append(value);
}

const std::string kSettings = frame(4, 0, 0) + frame(4, 1, 0); // and it has ours
constexpr int kEnd = 1, kHead = 4;

/// One GET, answered with these bytes after SETTINGS.
struct Answered {
  explicit Answered(std::string_view bytes, Method method = Method::get,
                    HeadLimits limits = kDefaultLimits) {
    asked.asked = method;
    asked.head_limits = limits;
    std::string head = std::string(name(method)) + " / HTTP/1.1\r\nHost: a\r\n\r\n";
    REQUIRE(origin.codec.request(asked, head, "http", false) == 1);
    origin.pull();
    fed = static_cast<bool>(origin.codec.feed(kSettings)) &&
          static_cast<bool>(origin.codec.feed(bytes));
    origin.pull();
  }
  bool has_ended() const { return !fed || origin.gone != 0; }

  Asked asked;
  Origin origin;
  bool fed = false;
};

/// Whether nothing of it is taken for an answer.
bool is_refused(std::string_view bytes) {
  Answered each(bytes);
  bool told = each.asked.closed == 1 || each.asked.seen.starts_with("bad malformed");
  return told && !each.asked.seen.starts_with("2") && !each.has_ended();
}

std::string answered(std::string_view bytes) {
  Answered each(bytes);
  return each.asked.seen + (each.asked.closed > 0 ? "!" + std::to_string(each.asked.closed) : "");
}

} // namespace

TEST_CASE("a request has pseudo-fields and nothing of its connection; the answer comes back") {
  Origin origin;
  Server server;
  Asked asked;
  std::int32_t id = origin.codec.request(
      asked,
      "GET /a?b HTTP/1.1\r\nHost: www.test:81\r\nConnection: x-own\r\nKeep-Alive: 5\r\n"
      "Transfer-Encoding: chunked\r\nUpgrade: websocket\r\nTE: gzip\r\nX-One: 1\r\nX-One: "
      "2\r\n\r\n",
      "https", false);
  REQUIRE(id == 1);
  exchange(origin, server);
  CHECK(origin.settled);
  CHECK(asked.all_sent);
  Server::Stream& stream = *server.streams.at(id);
  REQUIRE(stream.good);
  CHECK(stream.ended);
  CHECK(stream.request.method_text == "GET");
  CHECK(stream.request.target == "https://www.test:81/a?b");
  CHECK(stream.request.fields.count(FieldId::host) == 1); // made of :authority
  CHECK(stream.request.fields.size() == 3);
  CHECK(asked.seen.empty());

  stream.answer = "hello";
  server.codec.respond(id, 200, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n", "",
                       {Framing::Kind::length, 5}, true);
  exchange(origin, server);
  CHECK(asked.seen == "200 [hello]|");
  CHECK(asked.closed == 0);
  CHECK(asked.head.framing == Framing{Framing::Kind::length, 5});
  CHECK(asked.head.fields.value(FieldId::etag) == "\"1\"");
  CHECK(origin.codec.open() == 0);
  CHECK(asked.bytes_received > 5);
}

TEST_CASE("an extended CONNECT goes out where the SETTINGS allow it, and is a tunnel") {
  Origin origin;
  Server server;
  CHECK_FALSE(origin.codec.takes_extended_connect());
  exchange(origin, server);
  CHECK(origin.codec.takes_extended_connect()); // of our own server's side
  Asked asked;
  asked.asked = Method::connect;
  asked.blocked = true;
  std::int32_t id = origin.codec.request(
      asked,
      "GET /chat?a HTTP/1.1\r\nHost: www.test\r\nSec-WebSocket-Version: 13\r\nConnection: "
      "upgrade\r\nUpgrade: websocket\r\n\r\n",
      "https", true, "websocket");
  REQUIRE(id > 0);
  exchange(origin, server);
  Server::Stream& stream = *server.streams.at(id);
  REQUIRE(stream.good);
  CHECK_FALSE(stream.ended);
  CHECK(stream.request.upgrade);
  CHECK(stream.request.method == Method::get); // what it is on the other side (RFC 8441)
  CHECK(stream.request.target == "https://www.test/chat?a");
  CHECK(value_of(stream.request.fields, "sec-websocket-version") == "13");
  CHECK(value_of(stream.request.fields, "upgrade").empty());

  stream.answer = "from the origin";
  server.codec.respond(id, 200, "HTTP/1.1 200 OK\r\nSec-WebSocket-Protocol: chat\r\n", "", {},
                       true);
  exchange(origin, server);
  CHECK(asked.seen == "200 [from the origin]|");
  CHECK(asked.head.framing == Framing{});
  CHECK(asked.closed == -1); // the other direction goes on
  asked.body = "from the client";
  asked.blocked = false;
  origin.codec.resume(id);
  exchange(origin, server);
  CHECK(stream.body == "from the client");
  CHECK(stream.ended);
  CHECK(asked.closed == 0);
}

TEST_CASE("an extended CONNECT that is refused is answered as a request; its length counts") {
  Origin origin;
  Server server;
  exchange(origin, server);
  Asked asked;
  asked.asked = Method::connect;
  asked.blocked = true;
  std::int32_t id = origin.codec.request(asked, kGet, "http", true, "websocket");
  exchange(origin, server);
  server.streams.at(id)->answer = "no";
  server.codec.respond(id, 403, "HTTP/1.1 403 Forbidden\r\n", "", {Framing::Kind::length, 2}, true);
  exchange(origin, server);
  CHECK(asked.seen == "403 [no]|");
  CHECK(asked.head.framing == Framing{Framing::Kind::length, 2});
}

TEST_CASE("TE goes out where it says trailers; bodies and trailers go both ways") {
  Origin origin;
  Server server;
  Asked asked;
  asked.body = "the body";
  asked.sent_trailers.add({"X-Sum", "8", FieldId::other}, asked.memory);
  std::int32_t id = origin.codec.request(
      asked, "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n", "http", true);
  exchange(origin, server);
  Server::Stream& stream = *server.streams.at(id);
  CHECK(stream.request.fields.value(FieldId::te) == "trailers");
  CHECK(stream.body == "the body");
  CHECK(value_of(stream.trailers, "X-Sum") == "8");
  CHECK(asked.all_sent);
  stream.answer = "ok";
  stream.own.add({"Grpc-Status", "0", FieldId::other}, stream.memory);
  server.codec.informational(id, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n");
  server.codec.respond(id, 200, "HTTP/1.1 200 OK\r\n", "", {Framing::Kind::chunked, 0}, true);
  exchange(origin, server);
  CHECK(asked.seen == "103 200 [ok]|");
  CHECK(value_of(asked.trailers, "grpc-status") == "0");
  CHECK(asked.head.framing.kind == Framing::Kind::chunked);
}

TEST_CASE("a body that is not there yet is resumed; one that is forgotten is reset") {
  Origin origin;
  Server server;
  Asked asked;
  asked.body = "late";
  asked.blocked = true;
  std::int32_t id = origin.codec.request(asked, kGet, "http", true);
  exchange(origin, server);
  CHECK(server.streams.at(id)->body.empty());
  asked.blocked = false;
  origin.codec.resume(id);
  exchange(origin, server);
  CHECK(server.streams.at(id)->body == "late");
  origin.codec.forget(id, asked, H2Error::cancel);
  exchange(origin, server);
  CHECK(server.streams.at(id)->closed == 8);
  CHECK(asked.closed == -1); // it hears no more
  CHECK(origin.codec.open() == 0);

  Asked never; // forgotten before its head was sent
  std::int32_t unsent = origin.codec.request(never, kGet, "http", false);
  origin.codec.forget(unsent, never, H2Error::cancel);
  exchange(origin, server);
  CHECK(origin.codec.open() == 0);
  CHECK(server.streams.count(unsent) == 0);
}

TEST_CASE("W10.3 no more streams than the origin takes") {
  Origin origin;
  Server server(2);
  exchange(origin, server);
  Asked first, second, third;
  CHECK(origin.codec.has_room());
  CHECK(origin.codec.request(first, kGet, "http", false) == 1);
  CHECK(origin.codec.request(second, kGet, "http", false) == 3);
  CHECK_FALSE(origin.codec.has_room());
  exchange(origin, server);
  server.codec.respond(1, 204, "HTTP/1.1 204 No Content\r\n", "", {}, false);
  exchange(origin, server);
  CHECK(first.seen == "204.");
  CHECK(origin.codec.has_room());
  CHECK_FALSE(origin.codec.is_leaving());
}

TEST_CASE("windows open as bodies are taken") {
  Origin origin;
  Server server;
  Asked asked;
  std::int32_t id = origin.codec.request(asked, kGet, "http", false);
  exchange(origin, server);
  std::string large(1'000'000, 'x');
  server.streams.at(id)->answer = large;
  server.codec.respond(id, 200, "HTTP/1.1 200 OK\r\n", "", {Framing::Kind::length, large.size()},
                       true);
  exchange(origin, server);
  auto got = [&asked] {
    return static_cast<std::size_t>(std::count(asked.seen.begin(), asked.seen.end(), 'x'));
  };
  CHECK(got() == 128 * 1024);
  for (std::size_t before = 0; before < got();) {
    std::size_t n = got() - before;
    before = got();
    origin.codec.consumed(id, n);
    exchange(origin, server);
  }
  CHECK(got() == large.size());
  CHECK(asked.closed == 0);
}

TEST_CASE("REFUSED_STREAM and a GOAWAY that leaves a stream out say that it was not looked at") {
  CHECK(answered(frame(3, 0, 1, std::string_view("\0\0\0\7", 4))) == "!7");
  Answered gone(frame(7, 0, 0, std::string(8, '\0')));
  CHECK(gone.asked.closed == 7);
  CHECK(gone.origin.codec.is_leaving());
  CHECK_FALSE(gone.origin.codec.has_room());
  Asked next;
  CHECK(gone.origin.codec.request(next, kGet, "http", false) == 0);
}

TEST_CASE("W6 answers that are malformed") {
  const std::string ok = literal(":status", "200");
  auto head = [](const std::string& block, int flags = kEnd | kHead) {
    return frame(1, flags, 1, block);
  };
  CHECK(answered(head(ok)) == "200.");
  CHECK(is_refused(head(ok + literal("x", "a\nb"))));
  CHECK(is_refused(head(ok + literal("X", "a"))));
  CHECK(is_refused(head(ok + literal("x y", "a"))));
  CHECK(is_refused(head(literal(":status", "099"))));
  CHECK(is_refused(head(literal("x", "a"))));
  CHECK(is_refused(head(ok + literal(":path", "/"))));
  CHECK(is_refused(head(ok + literal("connection", "close"))));
  CHECK(is_refused(head(ok + literal("transfer-encoding", "chunked"))));
  CHECK(is_refused(head(literal(":status", "101"))));
  CHECK(is_refused(head(ok + literal("content-length", "4"))));
  CHECK(answered(head(ok + literal("content-length", "4"), kHead) + frame(0, kEnd, 1, "abc")) ==
        "200 [abc]!1");
  CHECK(answered(head(ok, kHead) + frame(0, 0, 1, "abc") + head(literal("x", "a\rb"))) ==
        "200 [abc]bad|");
  HeadLimits small;
  small.fields = 16;
  std::string many = ok;
  for (int i = 0; i < 40; ++i) {
    many += literal("x", "y");
  }
  Answered large(head(many), Method::get, small);
  CHECK(large.asked.seen.starts_with("bad head-too-large"));
}

TEST_CASE("W6.2 an answer's end: HEAD, an empty one, one with trailers only") {
  const std::string sized = literal(":status", "200") + literal("content-length", "7");
  Answered head(frame(1, kEnd | kHead, 1, sized), Method::head);
  CHECK(head.asked.seen == "200.");
  CHECK(head.asked.head.framing == Framing{});
  CHECK(head.asked.head.fields.value(FieldId::content_length) == "7");
  Answered empty(frame(1, kEnd | kHead, 1, literal(":status", "200")));
  CHECK(empty.asked.head.framing == Framing{Framing::Kind::length, 0});
  Answered late(frame(1, kHead, 1, literal(":status", "200") + literal("content-length", "0")) +
                frame(1, kEnd | kHead, 1, literal("x-status", "5")));
  CHECK(late.asked.seen == "200 |");
  CHECK(late.asked.head.framing.kind == Framing::Kind::chunked);
  CHECK(value_of(late.asked.trailers, "x-status") == "5");
}

TEST_CASE("W10.4 what an origin sends too much of, or should not, ends the connection") {
  std::string pings;
  for (int i = 0; i < 200; ++i) {
    pings += frame(6, 0, 0, "12345678");
  }
  CHECK(Answered(pings).has_ended());
  CHECK(Answered(frame(5, kHead, 1, std::string("\0\0\0\2", 4))).has_ended()); // PUSH_PROMISE
  CHECK(Answered(frame(1, kHead, 1, "\xff\xff\xff\xff\xff")).has_ended());
  CHECK(Answered(frame(0, 0, 3, "x")).has_ended()); // a stream that was never begun
  std::string head = frame(1, 0, 1, literal(":status", "200"));
  for (int i = 0; i < 20'000; ++i) {
    head += frame(9, 0, 1, literal("x", std::string(100, 'y')));
  }
  CHECK(Answered(head).has_ended());
}
