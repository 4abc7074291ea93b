// SPDX-License-Identifier: Apache-2.0
//
// TlsServer and TlsClient shake hands over a socketpair, on one loop. Certificates are made here.
#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "net/tls_client.h"
#include "net/tls_server.h"

namespace weir::net {
namespace {

/// A folder with certificates that end in so many days; each is its own CA.
class Folder {
public:
  Folder() {
    std::string name = "/tmp/weir-tls-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

  /// NAME.pem: certificate and key. `alternative`: "DNS:a.test,DNS:*.a.test".
  std::string make(const std::string& name, const std::string& alternative, int days = 90) const {
    char curve[] = "P-256"; // the macro wants it so
    EVP_PKEY* key = EVP_EC_gen(curve);
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400L * days);
    X509_set_pubkey(x, key);
    X509_NAME* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str());
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x, key, EVP_sha256());
    std::FILE* out = std::fopen(path(name + ".pem").c_str(), "w");
    PEM_write_X509(out, x);
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(x);
    EVP_PKEY_free(key);
    return path(name + ".pem");
  }

private:
  std::string path_;
};

Ref<const TlsCertificate> load(const std::string& file) {
  std::string problem;
  std::vector<std::string> warnings;
  auto made = TlsCertificate::load(file, "", problem, warnings);
  INFO(problem);
  REQUIRE(made);
  return made;
}

class Nobody final : public event::Task {
public:
  void run() override {}
};

struct Pair {
  std::unique_ptr<TlsTransport> server;
  std::unique_ptr<TlsTransport> client;
};

struct World {
  event::Loop loop;
  Nobody task;

  Pair connect(const TlsServer& server, const TlsClient& client, const std::string& host) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    return {TlsTransport::accept(loop, Fd(ends[0]), task, server),
            TlsTransport::connect(loop, Fd(ends[1]), task, client, host, host)};
  }
  /// Both sides until they are done, or one fails.
  static bool shake(Pair& pair) {
    using State = TlsTransport::Handshake;
    State a = State::wait;
    State b = State::wait;
    for (int i = 0; i < 20 && (a == State::wait || b == State::wait); ++i) {
      b = b == State::wait ? pair.client->handshake() : b;
      a = a == State::wait ? pair.server->handshake() : a;
      if (a == State::failed || b == State::failed) {
        return false;
      }
    }
    return a == State::done && b == State::done;
  }
};

Ref<const TlsServer> serve(TlsServerSettings settings) {
  std::string problem;
  auto made = TlsServer::make(settings, problem);
  INFO(problem);
  REQUIRE(made);
  return made;
}

Ref<const TlsClient> ask(TlsClientSettings settings) {
  std::string problem;
  auto made = TlsClient::make(settings, problem);
  INFO(problem);
  REQUIRE(made);
  return made;
}

/// To a server with one certificate, which the client believes.
Pair connect_one(World& world, const Folder& folder) {
  std::string a = folder.make("a.test", "DNS:a.test");
  TlsServerSettings settings;
  settings.certificates = {load(a)};
  TlsClientSettings wants;
  wants.ca = a;
  return world.connect(*serve(settings), *ask(wants), "a.test");
}

} // namespace

TEST_CASE("a certificate says its names and its end, and is refused with a foreign key") {
  Folder folder;
  Clock::set(MonoTime(std::chrono::hours(1)),
             std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()));
  auto one = load(folder.make("a.test", "DNS:A.test,DNS:*.b.test", 10));
  CHECK(one->names() == std::vector<std::string>{"a.test", "*.b.test"});
  CHECK(one->days_left(Clock::wall()) >= 9);
  CHECK(one->days_left(Clock::wall()) <= 10);
  CHECK(one->covers("a.test"));
  CHECK(one->covers("x.b.test"));
  CHECK_FALSE(one->covers("b.test"));
  CHECK_FALSE(one->covers("x.y.b.test"));
  std::string other = folder.make("c.test", "DNS:c.test");
  std::string problem;
  std::vector<std::string> warnings;
  CHECK_FALSE(TlsCertificate::load(one->file(), other, problem, warnings));
  CHECK(problem.find("does not fit") != std::string::npos);
  CHECK_FALSE(TlsCertificate::load("/nowhere/x.pem", "", problem, warnings));
  CHECK(problem.find("cannot be read") != std::string::npos);
}

TEST_CASE("SNI chooses the certificate; the name of the origin is checked") {
  Folder folder;
  World world;
  Clock::tick();
  std::string a = folder.make("a.test", "DNS:a.test");
  std::string b = folder.make("b.test", "DNS:*.b.test");
  TlsServerSettings settings;
  settings.certificates = {load(a), load(b)};
  settings.protocols = {"http/1.1"};
  auto server = serve(settings);
  struct Case {
    std::string ca, host;
    bool good;
  };
  for (const Case& each : {Case{a, "a.test", true}, Case{b, "x.b.test", true},
                           Case{b, "a.test", false}, Case{a, "unknown.test", false}}) {
    TlsClientSettings wants;
    wants.ca = each.ca;
    wants.protocols = {"h2", "http/1.1"};
    auto client = ask(wants);
    Pair pair = world.connect(*server, *client, each.host);
    INFO(each.host);
    CHECK(World::shake(pair) == each.good);
    if (each.good) {
      CHECK(pair.server->facts().sni == each.host);
      CHECK(pair.server->facts().version == "1.3");
      CHECK(pair.client->facts().alpn == "http/1.1");
    } else {
      CHECK_FALSE(pair.client->problem().empty());
    }
  }
}

TEST_CASE("bytes go both ways, whatever their slices; the end is told by close_notify") {
  Folder folder;
  World world;
  Clock::tick();
  Pair pair = connect_one(world, folder);
  REQUIRE(World::shake(pair));

  std::string body;
  for (int i = 0; i < 300000; ++i) {
    body += static_cast<char>('a' + i % 26);
  }
  OutQueue out;
  out.push_copy("head");
  out.push(Slice(std::string_view(body).substr(0, 100)));
  out.push(Slice(std::string_view(body).substr(100)));
  std::string got;
  std::vector<char> buffer(20000);
  bool full = false;
  for (int i = 0; i < 1000 && got.size() < body.size() + 4; ++i) {
    auto sent = pair.server->write(out);
    REQUIRE(sent.state != IoResult::failed);
    full = full || sent.state == IoResult::would_block;
    auto read = pair.client->read(buffer.data(), buffer.size());
    REQUIRE(read.state != IoResult::failed);
    got.append(buffer.data(), read.bytes);
  }
  CHECK(full); // the socket was full at least once: the same bytes were offered again
  CHECK(got == "head" + body);
  pair.server->shutdown_write();
  IoResult last = pair.client->read(buffer.data(), buffer.size());
  while (last.state == IoResult::ok) {
    last = pair.client->read(buffer.data(), buffer.size());
  }
  CHECK(last.state == IoResult::end);
}

// A write edge wakes the handshake; what has come meanwhile is taken by the same recv, and no edge
// will tell of it again.
TEST_CASE("a request read together with the end of the handshake is told") {
  Folder folder;
  World world;
  Clock::tick();
  Pair pair = connect_one(world, folder);
  using State = TlsTransport::Handshake;
  REQUIRE(pair.client->handshake() == State::wait);
  REQUIRE(pair.server->handshake() == State::wait);
  REQUIRE_FALSE(pair.server->readable());
  REQUIRE(pair.client->handshake() == State::done);
  OutQueue out;
  out.push_copy("GET / HTTP/1.1\r\n\r\n");
  REQUIRE(pair.client->write(out).state == IoResult::ok);

  REQUIRE(pair.server->handshake() == State::done);
  CHECK(pair.server->readable());
  std::array<char, 100> buffer;
  CHECK(pair.server->read(buffer.data(), buffer.size()).bytes == 18);
  CHECK(pair.server->read(buffer.data(), buffer.size()).state == IoResult::would_block);
  CHECK_FALSE(pair.server->readable());
}

TEST_CASE("an end without close_notify is no end") {
  Folder folder;
  World world;
  Clock::tick();
  Pair pair = connect_one(world, folder);
  REQUIRE(World::shake(pair));
  ::shutdown(pair.server->fd(), SHUT_WR);
  char byte = 0;
  CHECK(pair.client->read(&byte, 1).state == IoResult::failed);
}

TEST_CASE("tickets are taken by another server with the same keys, and not for ever") {
  Folder folder;
  World world;
  Clock::set(MonoTime(std::chrono::hours(1)),
             std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()));
  std::string a = folder.make("a.test", "DNS:a.test");
  TicketKeys keys;
  std::string kept;
  keys.on_change([&](std::string bytes) { kept = std::move(bytes); });
  TlsServerSettings settings;
  settings.certificates = {load(a)};
  settings.tickets = &keys;
  auto server = serve(settings);
  TlsClientSettings wants;
  wants.ca = a;
  auto client = ask(wants);
  auto once = [&](const TlsServer& with) {
    Pair pair = world.connect(with, *client, "a.test");
    REQUIRE(World::shake(pair));
    char byte = 0;
    CHECK(pair.client->read(&byte, 1).state == IoResult::would_block); // takes the ticket in
    return pair.server->facts().resumed;
  };
  CHECK_FALSE(once(*server));
  CHECK(once(*server));
  CHECK(once(*server)); // with the ticket that the resumed one was given
  REQUIRE_FALSE(kept.empty());

  TicketKeys later; // another run
  later.restore(kept);
  CHECK(later.newest().name == keys.newest().name);
  settings.tickets = &later;
  CHECK(once(*serve(settings)));
  TicketKeys foreign;
  settings.tickets = &foreign;
  CHECK_FALSE(once(*serve(settings)));

  // The key before the newest one opens; the one before that does not.
  WallTime start = Clock::wall();
  auto name = keys.newest().name;
  Clock::set(Clock::mono(), start + std::chrono::hours(13));
  CHECK(keys.newest().name != name);
  CHECK(keys.find(name.data()).has_value());
  Clock::set(Clock::mono(), start + std::chrono::hours(26));
  CHECK(keys.newest().name != name);
  CHECK_FALSE(keys.find(name.data()).has_value());
}

TEST_CASE("a client shows a certificate where it must") {
  Folder folder;
  World world;
  Clock::tick();
  std::string a = folder.make("a.test", "DNS:a.test");
  std::string alice = folder.make("alice", "email:alice@a.test,URI:spiffe://a.test/alice");
  std::string mallory = folder.make("mallory", "email:mallory@a.test");
  TlsServerSettings settings;
  settings.certificates = {load(a)};
  settings.client = ClientCertificate::required;
  settings.client_ca = alice;
  auto server = serve(settings);
  auto shows = [&](const std::string& file) {
    TlsClientSettings wants;
    wants.ca = a;
    if (!file.empty()) {
      wants.certificate = load(file);
    }
    Pair pair = world.connect(*server, *ask(wants), "a.test");
    World::shake(pair);
    // In TLS 1.3 the client is done before the server has looked.
    return pair.server->facts();
  };
  TlsFacts good = shows(alice);
  CHECK(good.verified);
  CHECK(good.subject == "CN=alice");
  CHECK(good.names ==
        std::vector<std::string>{"CN=alice", "email:alice@a.test", "URI:spiffe://a.test/alice"});
  CHECK_FALSE(shows(mallory).verified);
  CHECK(shows("").version.empty()); // never done
}

} // namespace weir::net
