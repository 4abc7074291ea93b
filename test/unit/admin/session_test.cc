// SPDX-License-Identifier: Apache-2.0
//
// The control socket and its sessions, with a Daemon that only notes what it was asked.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include <catch2/catch.hpp>

#include "admin/control_socket.h"
#include "admin/server.h"
#include "admin/warm_plan.h"
#include "proxy/generation.h"
#include "rules/limits.h"

using namespace weir;
using namespace weir::admin;

namespace {

class FakeDaemon final : public Daemon {
public:
  std::shared_ptr<const proxy::Generation> generation() const override { return nullptr; }
  StatusFacts status() const override {
    StatusFacts facts;
    facts.version = "of a test";
    facts.reload_error = "5 errors";
    return facts;
  }
  const metrics::Metrics& metrics() const override { return metrics_; }
  log::Subscriptions* subscriptions() override { return nullptr; }
  std::string log_directory() const override { return {}; }
  weir::event::BackgroundPool& background() override { return background_; }
  void reload(std::function<void(ReloadOutcome)> done) override {
    reloads.push_back(std::move(done));
  }
  void purge(const PurgeAsk& ask, std::function<void(PurgeOutcome)> done) override {
    purged = ask;
    PurgeOutcome outcome;
    outcome.number = 7;
    outcome.dropped = 2;
    outcome.counted = true;
    outcome.error = purge_error;
    done(outcome);
  }
  rules::Limits& limits() override { return limits_; }
  std::vector<PurgeFacts> purges() const override {
    PurgeFacts facts;
    facts.number = 5;
    facts.text = "tag = red";
    return {facts};
  }
  void warm(const WarmAsk& ask, std::function<void(WarmFacts)> done) override {
    warmed = ask;
    WarmFacts facts;
    facts.left = ask.urls.size();
    done(facts);
  }
  void stop_warm() override { warmed.reset(); }
  WarmFacts warm_facts() const override { return {}; }
  void stop(StopMode mode) override { stopped = mode; }

  std::vector<std::function<void(ReloadOutcome)>> reloads;
  std::optional<PurgeAsk> purged;
  std::optional<WarmAsk> warmed;
  std::string purge_error;
  std::optional<StopMode> stopped;

private:
  metrics::Metrics metrics_;
  rules::Limits limits_;
  weir::event::BackgroundPool background_{"work", 1, 4, 0, nullptr};
};

struct World {
  World() {
    const char* base = ::getenv("TMPDIR");
    folder = std::string(base != nullptr ? base : "/tmp") + "/weir-admin-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    std::string why;
    auto opened = ControlSocket::open({path(), 0660, ::getegid(), ::geteuid()}, why);
    INFO(why);
    REQUIRE(opened);
    socket = std::move(*opened);
    Clock::tick();
    server.listen_control(socket.take());
  }
  ~World() { std::filesystem::remove_all(folder); }
  std::string path() const { return folder + "/admin.sock"; }

  net::Fd connect() {
    net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }
  /// What came up to now, after enough turns for an answer.
  std::string turn_and_read(const net::Fd& fd) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      loop.turn(false);
      char buffer[4096];
      ssize_t n = 0;
      while ((n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        text.append(buffer, static_cast<std::size_t>(n));
      }
    }
    return text;
  }
  std::string ask(const net::Fd& fd, const std::string& bytes) {
    REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
    return turn_and_read(fd);
  }
  std::string ask(const std::string& bytes) { return ask(connect(), bytes); }
  static std::string post(const std::string& path, const std::string& body) {
    return "POST " + path +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

  std::string folder;
  ControlSocket socket;
  weir::event::Loop loop;
  FakeDaemon daemon;
  AdminServer server{loop, daemon};
};

bool is(const std::string& answer, int status, std::string_view part) {
  INFO(answer);
  CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " "));
  CHECK(answer.find(part) != std::string::npos);
  return true;
}

} // namespace

TEST_CASE("a verb is carried out with its arguments, one request after the other") {
  World world;
  net::Fd client = world.connect();
  is(world.ask(client, World::post("/v1/purge", R"({"url":"http://A.example:8080/x?y"})")), 200,
     R"("dropped":2)");
  REQUIRE(world.daemon.purged);
  CHECK(world.daemon.purged->host == "a.example");
  CHECK(world.daemon.purged->port == 8080);
  CHECK(world.daemon.purged->target == "/x?y");
  CHECK(world.daemon.purged->realm.empty());
  CHECK_FALSE(world.daemon.purged->hard);
  is(world.ask(client, World::post("/v1/purge", R"({"url":"tag = red","hard":true})")), 200,
     R"("hard":true)");
  CHECK(world.daemon.purged->what == PurgeAsk::What::tag);
  CHECK(world.daemon.purged->name == "red");
  CHECK(world.daemon.purged->hard);
  world.ask(client, World::post("/v1/purge", R"({"url":"http://a.example/img/*"})"));
  CHECK(world.daemon.purged->what == PurgeAsk::What::prefix);
  CHECK(world.daemon.purged->target == "/img/");
  world.ask(client, World::post("/v1/purge", R"({"url":"host = a.b and age > 1h"})"));
  CHECK(world.daemon.purged->what == PurgeAsk::What::filter);
  is(world.ask(client, World::post("/v1/purge", R"({"url":"hots = a.b"})")), 400,
     "did you mean `host`?");
  is(world.ask(client, World::post("/v1/purge/log", "")), 200, R"("what":"tag = red")");
  is(world.ask(client, World::post("/v1/version", "")), 200, "of a test");
  std::string two = World::post("/v1/version", "") + World::post("/v1/version", "{}");
  std::string answers = world.ask(client, two);
  CHECK(answers.find("200", answers.find("of a test")) != std::string::npos);
}

TEST_CASE("a purge that is not recorded is answered as one that failed") {
  World world;
  world.daemon.purge_error = "the disk is full";
  is(world.ask(World::post("/v1/purge", R"({"url":"http://a/"})")), 422, "the disk is full");
}

TEST_CASE("an answer may come later; who has left is not answered") {
  World world;
  net::Fd client = world.connect();
  CHECK(world.ask(client, World::post("/v1/reload", "{}")).empty());
  net::Fd gone = world.connect();
  CHECK(world.ask(gone, World::post("/v1/reload", "{}")).empty());
  REQUIRE(world.daemon.reloads.size() == 2);
  gone.close();
  world.turn_and_read(client);
  ReloadOutcome outcome;
  outcome.ok = true;
  outcome.generation = 3;
  world.daemon.reloads[1](outcome);
  world.daemon.reloads[0](outcome);
  is(world.turn_and_read(client), 200, R"("generation":3)");
}

TEST_CASE("a reload that failed says why") {
  World world;
  net::Fd client = world.connect();
  world.ask(client, World::post("/v1/reload", "{}"));
  REQUIRE(world.daemon.reloads.size() == 1);
  ReloadOutcome outcome;
  outcome.notes = {"list ads: no such file"};
  world.daemon.reloads[0](outcome);
  is(world.turn_and_read(client), 422, "nothing was changed: list ads: no such file");
}

TEST_CASE("stop is begun once its answer has been sent") {
  World world;
  is(world.ask(World::post("/v1/stop", R"({"dry_run":true})")), 200, "dry_run");
  CHECK_FALSE(world.daemon.stopped);
  is(world.ask(World::post("/v1/stop", R"({"now":true})")), 200, "\"mode\":\"now\"");
  REQUIRE(world.daemon.stopped);
  CHECK(*world.daemon.stopped == StopMode::now);
}

TEST_CASE("what is wrong gets its status, and a text that says what is right") {
  World world;
  is(world.ask(World::post("/v1/statsu", "{}")), 404, "there is nothing at /v1/statsu");
  is(world.ask("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405, "POST only");
  is(world.ask(World::post("/v1/status", "{")), 400, "not JSON");
  is(world.ask(World::post("/v1/status", R"({"x":1})")), 400, "has no argument 'x'");
  is(world.ask(World::post("/v1/purge", R"({"url":"ftp://a/"})")), 400, "error");
  is(world.ask("POST /v1/status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"),
     411, "Content-Length");
  is(world.ask("POST /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"),
     413, "too large");
  is(world.ask("nonsense\r\n\r\n"), 400, "error");
  is(world.ask("POST /v1/status HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x')),
     431, "error");
  is(world.ask(World::post("/v1/tail", R"({"filter":"statsu = 5"})")), 400, "status");
  is(world.ask(World::post("/v1/tail", "{}")), 422, "there is no log");
}

TEST_CASE("a request in pieces is taken when it is whole") {
  World world;
  net::Fd client = world.connect();
  std::string request = World::post("/v1/purge", R"({"url":"http://a/"})");
  for (std::size_t i = 0; i + 1 < request.size(); ++i) {
    REQUIRE(world.ask(client, request.substr(i, 1)).empty());
  }
  is(world.ask(client, request.substr(request.size() - 1)), 200, "dropped");
}

TEST_CASE("metrics come without a level") {
  World world;
  is(world.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200, "# TYPE");
  is(world.ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200, "Content-Length");
  is(world.ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405, "Allow: GET");
}

TEST_CASE("so many sessions and no more; a stop ends those that ask nothing") {
  World world;
  std::vector<net::Fd> clients;
  for (std::size_t i = 0; i < AdminServer::kMostSessions; ++i) {
    clients.push_back(world.connect());
    is(world.ask(clients.back(), World::post("/v1/version", "")), 200, "of a test");
  }
  net::Fd more = world.connect();
  world.turn_and_read(more);
  char byte;
  CHECK(::recv(more.get(), &byte, 1, MSG_DONTWAIT) == 0);
  clients.pop_back();
  world.turn_and_read(clients.back());
  is(world.ask(World::post("/v1/version", "")), 200, "of a test");
  CHECK_FALSE(world.server.idle());
  world.server.stop();
  world.turn_and_read(clients.back());
  CHECK(world.server.idle());
}

TEST_CASE("the control socket: a second weir is kept away, a dead one's is taken over") {
  World world;
  std::string why;
  auto second = ControlSocket::open({world.path(), 0660, ::getegid(), ::geteuid()}, why);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::exists);
  CHECK(why.find(world.path()) != std::string::npos);
  struct stat about {};
  REQUIRE(::stat(world.path().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0660);
  { ControlSocket gone = std::move(world.socket); }
  CHECK_FALSE(std::filesystem::exists(world.path()));
  { // a crash leaves the name behind
    net::Fd left(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, world.path().c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  auto third = ControlSocket::open({world.path(), 0600, ::getegid(), ::geteuid()}, why);
  INFO(why);
  CHECK(third);
}
