// SPDX-License-Identifier: Apache-2.0
//
// HitWorld: the smallest world in which a memory hit happens: a loop, a worker's Resources, a
// Generation of one site, a tier with one stored response of 1 KiB, an H1Session on a socketpair.
// The test is its client, on the same thread: what the loop does lies between send() and receive().
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "config/load.h"
#include "event/background.h"
#include "proxy/h1_session.h"
#include "proxy/resources.h"
#include "rules/condition.h"

namespace weir::proxy::test {

constexpr std::string_view kGet = "GET /a?b=c HTTP/1.1\r\n"
                                  "Host: www.example.com\r\n"
                                  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0)\r\n"
                                  "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
                                  "Accept-Language: en-US,en;q=0.5\r\n"
                                  "Accept-Encoding: gzip, deflate\r\n"
                                  "Referer: http://www.example.com/\r\n"
                                  "Cookie: session=0123456789abcdef0123456789abcdef\r\n"
                                  "\r\n";

constexpr const char* kSite = R"(
cache main { memory 64MB }
pool app { server 127.0.0.1:ORIGIN }
site www.example.com {
  listen 127.0.0.1:80
  cache main
  rules { deny client 192.0.2.0/24 }
  route / { pool app }
}
)";

class HitWorld {
public:
  /// `origin`: a port of 127.0.0.1, for what is no hit.
  explicit HitWorld(std::uint16_t origin = 9)
      : chunks_(64), io_("io", 1, 4, 0, nullptr),
        resources_(loop_, 0, {}, io_, clients_, limits_, &ring_) {
    ChunkPool::install(&chunks_);
    Clock::tick();
    std::string site = kSite;
    site.replace(site.find("ORIGIN"), 6, std::to_string(origin));
    auto loaded = config::load_text("weir.conf", site);
    INFO(config::print(loaded.diagnostics));
    REQUIRE(loaded.config);
    resources_.generation =
        GenerationRef(make_ref<const PinnedGeneration>(make_generation(loaded.config)));
    resources_.own = std::make_shared<const net::OwnAddresses>();
    store(*resources_.generation);
    open_session();
  }

  ~HitWorld() {
    if (client_ >= 0) {
      ::close(client_);
      loop_.turn(true);
      loop_.turn(false);
    }
    resources_.generation = {};
    ChunkPool::install(nullptr);
  }
  HitWorld(const HitWorld&) = delete;
  HitWorld& operator=(const HitWorld&) = delete;

  event::Loop& loop() noexcept { return loop_; }
  const log::LogRing& ring() const noexcept { return ring_; }
  std::uint64_t lookups() const { return tier_.directory.stats().entries; }

  /// The client's side; none of these allocates.
  bool send(std::string_view bytes) const {
    return ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  void end_sending() const { ::shutdown(client_, SHUT_WR); }
  /// What is there; empty: nothing.
  std::string_view receive() {
    ssize_t n = ::recv(client_, received_.data(), received_.size(), MSG_DONTWAIT);
    ended_ = n == 0;
    return {received_.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
  }
  bool ended() const noexcept { return ended_; }

  /// Whether this is `count` whole hits.
  static bool is_hits(std::string_view answer, std::size_t count = 1) {
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t head = answer.find("\r\n\r\n");
      if (!answer.starts_with("HTTP/1.1 200 OK\r\n") || head == answer.npos ||
          answer.substr(0, head).find("weir; hit") == answer.npos ||
          answer.substr(head + 4).size() < kBody || answer[head + 4] != 'x') {
        return false;
      }
      answer.remove_prefix(head + 4 + kBody);
    }
    return answer.empty();
  }

private:
  static constexpr std::size_t kBody = 1024;

  std::shared_ptr<const Generation> make_generation(std::shared_ptr<const config::Config> config) {
    auto made = std::make_shared<Generation>();
    made->number = 1;
    made->config = config;
    made->via = "weir";
    auto routes = rules::RouteTable::compile(config, {});
    REQUIRE(routes);
    made->routes = std::move(*routes);
    for (const auto& pool : config->pools) {
      made->pools.push_back(std::make_unique<origin::Pool>(pool, servers_));
    }
    made->caches.push_back(&tier_);
    ListenUse use;
    use.used = true;
    use.direction = rules::Direction::site;
    use.name = "site www.example.com";
    use.options = config->sites[0].options;
    made->listens.push_back(use);
    return made;
  }

  void store(const Generation& generation) {
    Arena arena;
    cache::KeyParts parts;
    parts.realm = generation.config->sites[0].name;
    parts.scheme = "http";
    parts.host = "www.example.com";
    parts.port = 80;
    parts.target = "/a?b=c";
    cache::Key key = cache::Key::make(parts, tier_.secret, arena);
    cache::Meta meta;
    meta.key = key.bytes;
    meta.status = 200;
    meta.head = "HTTP/1.1 200 OK\r\nDate: " + format_http_date(Clock::wall()) +
                "\r\nContent-Type: text/plain\r\nETag: \"e\"\r\nCache-Control: max-age=3600\r\n";
    meta.etag = "\"e\"";
    meta.date = Clock::wall();
    meta.freshness.response_time = Clock::wall();
    meta.freshness.lifetime = std::chrono::hours(1);
    meta.addresses = {*Address::parse("127.0.0.1", 9)};
    meta.body_size = kBody;
    const std::string body(kBody, 'x');
    tier_.directory.insert(
        cache::Entry::in_memory(meta, key.hash, {Slice(std::string_view(body))}));
  }

  void open_session() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    client_ = ends[0];
    auto remote = *Address::parse("127.0.0.1", 40000);
    REQUIRE((clients_.reserve() && resources_.enter(remote)));
    auto session = std::make_unique<H1Session>(resources_, place_, Ends{remote, {}});
    REQUIRE(session->open(net::Fd(ends[1])));
    session.release(); // it retires itself
    loop_.turn(false); // the first edge: it can be written to
  }

  ChunkPool chunks_;
  event::Loop loop_;
  event::BackgroundPool io_;
  net::ClientCounts clients_;
  rules::Limits limits_;
  log::LogRing ring_;
  origin::ServerStates servers_;
  cache::Tier tier_{"main", {}};
  Resources resources_;
  ListenPlace place_;
  int client_ = -1;
  bool ended_ = false;
  std::vector<char> received_ = std::vector<char>(64 * 1024);
};

} // namespace weir::proxy::test
