// SPDX-License-Identifier: Apache-2.0
#include "rules/route.h"

#include <algorithm>
#include <random>
#include <set>

#include "http/message.h"
#include "rules_of.h"

using namespace weir;
using namespace weir::rules;

namespace {

constexpr const char* kText = R"(
cache main { memory 64MB }
pool app { server 127.0.0.1:9 }
pool other { server 127.0.0.1:10 }
forward lan {
  listen 127.0.0.1:3128
  cache main
  rules { allow client loopback }
}
site www.example.com example.com {
  listen 127.0.0.1:80 127.0.0.1:81 trust 10.1.0.0/24
  rules { deny client 192.0.2.0/24 }
  cache main
  route /robots.txt { respond 200 "User-agent: *" }
  route / { pool app }
  route /static/ { pool other;  cache none }
  route /static/old { redirect /new 301 }
  route *.jpg { pool other }
  route ~ \.php$ { respond 404 }
  route /api { pool app;  rules { deny method TRACE } }
}
site *.example.com {
  listen 127.0.0.1:80
  route /only/ { pool app }
}
site .deep.example.com { listen 127.0.0.1:80
  route / { pool app } }
site * { listen 127.0.0.1:81
  route / { pool app } }
)";

struct Table {
  Loaded loaded{kText};
  std::unique_ptr<const RouteTable> table;
  Table() {
    auto made = RouteTable::compile(loaded.config, loaded.parts);
    REQUIRE(made);
    table = std::move(*made);
  }
  std::size_t listener(const char* address) const {
    for (std::size_t i = 0; i < table->listeners().size(); ++i) {
      if (table->listeners()[i].address.to_string() == address) {
        return i;
      }
    }
    FAIL(address);
    return 0;
  }
  /// "www.example.com /static/", "www.example.com -", "none".
  std::string find(const char* address, const char* host, const char* path) const {
    auto found = table->find(listener(address), host, path);
    if (!found) {
      return "none";
    }
    return std::string(found.route->place) + " " +
           (found.route->decl != nullptr ? to_text(found.route->decl->path) : "-");
  }
};

} // namespace

TEST_CASE("each address is listened on once, whoever shares it") {
  Table t;
  REQUIRE(t.table->listeners().size() == 3);
  CHECK(t.table->listeners()[t.listener("127.0.0.1:3128")].direction == Direction::forward);
  CHECK(t.table->listeners()[t.listener("127.0.0.1:80")].direction == Direction::site);
}

TEST_CASE("rule 2: the most exact host wins") {
  Table t;
  struct Case {
    const char* address;
    const char* host;
    const char* place;
  };
  for (auto [address, host, place] :
       std::initializer_list<Case>{{"127.0.0.1:80", "www.example.com", "www.example.com /"},
                                   {"127.0.0.1:80", "www.example.com.", "www.example.com /"},
                                   {"127.0.0.1:80", "example.com", "www.example.com /"},
                                   {"127.0.0.1:80", "ftp.example.com", "*.example.com -"},
                                   {"127.0.0.1:80", "a.b.example.com", "*.example.com -"},
                                   {"127.0.0.1:80", "deep.example.com", ".deep.example.com /"},
                                   {"127.0.0.1:80", "a.deep.example.com", ".deep.example.com /"},
                                   {"127.0.0.1:80", "a.b.deep.example.com", ".deep.example.com /"},
                                   {"127.0.0.1:80", "xdeep.example.com", "*.example.com -"},
                                   {"127.0.0.1:80", "example.org", "none"},
                                   {"127.0.0.1:80", "", "none"},
                                   {"127.0.0.1:80", "[::1]", "none"},
                                   {"127.0.0.1:81", "www.example.com", "www.example.com /"},
                                   {"127.0.0.1:81", "ftp.example.com", "* /"},
                                   {"127.0.0.1:81", "", "* /"},
                                   {"127.0.0.1:3128", "whatever.example", "lan -"}}) {
    INFO(address << " " << host);
    CHECK(t.find(address, host, "/x") == place);
  }
  CHECK_FALSE(t.table->find(99, "www.example.com", "/"));
}

TEST_CASE("rule 2: then the longest path wins, whatever the order of the file") {
  Table t;
  struct Case {
    const char* path;
    const char* route;
  };
  for (auto [path, route] : std::initializer_list<Case>{{"/", "/"},
                                                        {"/robots.txt", "/robots.txt"},
                                                        {"/robots.txt2", "/"},
                                                        {"/static/x", "/static/"},
                                                        {"/static", "/"},
                                                        {"/static/old", "/static/old"},
                                                        {"/static/old/x", "/static/old"},
                                                        {"/static/older", "/static/"},
                                                        {"/x.jpg", "*.jpg"},
                                                        {"/static/x.jpg", "/static/"},
                                                        {"/x.php", "~ \\.php$"},
                                                        {"/static/x.php", "~ \\.php$"},
                                                        {"/api", "/api"},
                                                        {"/apis", "/"},
                                                        {"//api//x", "/api"},
                                                        {"/static/../api", "/api"},
                                                        {"/st%61tic/x", "/static/"},
                                                        {"*", "-"},
                                                        {"", "-"}}) {
    INFO(path);
    CHECK(t.find("127.0.0.1:80", "www.example.com", path) ==
          std::string("www.example.com ") + route);
  }
}

TEST_CASE("a route brings its pool, cache, options, rules and trusted senders") {
  Table t;
  auto at = t.listener("127.0.0.1:80");
  auto home = t.table->find(at, "www.example.com", "/");
  REQUIRE(home);
  CHECK(home.route->answer == Answer::pool);
  CHECK(home.route->pool == 0U);
  CHECK(home.route->cache == 0U);
  CHECK(home.route->options == &home.route->decl->options);
  CHECK(home.trusted->find(*Address::parse("10.1.0.9")) != nullptr);
  CHECK(home.trusted->find(*Address::parse("10.1.1.9")) == nullptr);
  CHECK(&t.table->routes()[home.route->index] == home.route);
  CHECK(t.table->find(at, "www.example.com", "/static/").route->cache == std::nullopt);
  CHECK(t.table->find(at, "www.example.com", "/static/old").route->answer == Answer::redirect);
  CHECK(t.table->find(at, "www.example.com", "/robots.txt").route->answer == Answer::respond);
  CHECK(t.table->find(at, "a.example.com", "/elsewhere").route->answer == Answer::none);

  Facts facts;
  facts.client = *Address::parse("10.0.0.1");
  facts.method = "TRACE";
  auto api = t.table->find(at, "www.example.com", "/api");
  CHECK(api.route->rules->evaluate(facts, {}).action == Action::deny);
  CHECK(home.route->rules->evaluate(facts, {}).action == Action::allow);
  facts.method = "GET";
  CHECK(api.route->rules->evaluate(facts, {}).action == Action::allow);
  facts.client = *Address::parse("192.0.2.1"); // the site's rules come first
  CHECK(api.route->rules->evaluate(facts, {}).action == Action::deny);
  CHECK(home.route->rules->evaluate(facts, {}).action == Action::deny);

  auto lan = t.table->find(t.listener("127.0.0.1:3128"), "any.example", "");
  REQUIRE(lan);
  CHECK(lan.route->answer == Answer::forward);
  CHECK(lan.route->forward->name == "lan");
  CHECK(lan.route->cache == 0U);
}

TEST_CASE("rule 2: routes are told in the order in which they are asked") {
  Table t;
  std::vector<std::string> order;
  for (const auto& row : t.table->describe()) {
    if (row.listen == "127.0.0.1:80") {
      order.push_back(row.host + " " + row.path);
    }
    CHECK(row.unreachable.empty());
    CHECK(row.where.substr(0, 10) == "weir.conf:");
  }
  REQUIRE(order.size() == 2 * 7 + 2);
  CHECK(order[0] == "www.example.com ~ \\.php$");
  CHECK(order[1] == "www.example.com /robots.txt");
  CHECK(order[2] == "www.example.com /static/old"); // as long as the one before
  CHECK(order[3] == "www.example.com /static/");
  CHECK(order[6] == "www.example.com /");
  CHECK(order[14] == ".deep.example.com /");
  CHECK(order[15] == "*.example.com /only/");
  const auto rows = t.table->describe();
  CHECK(rows[0].answer == "forward lan");
  CHECK(rows[0].cache == "main");
}

TEST_CASE("a route that nothing can reach says why") {
  // config/ refuses most of these; the table must not depend on it.
  Loaded loaded(kText);
  auto config = std::make_shared<config::Config>(*loaded.config);
  auto& site = config->sites[0];
  site.routes.push_back(site.routes[0]); // /robots.txt twice
  config::RouteDecl all = site.routes[1];
  all.path = {config::PathPattern::Kind::glob, "/*", {}};
  site.routes.push_back(all);
  config->sites[3].names = {{config::HostPattern::Kind::exact, "www.example.com", {}}};
  auto table = RouteTable::compile(config, loaded.parts);
  REQUIRE(table);
  std::vector<std::string> told;
  for (const auto& row : (*table)->describe()) {
    if (!row.unreachable.empty() && row.listen == "127.0.0.1:81") {
      told.push_back(row.host + " " + row.path + ": " + row.unreachable);
    }
  }
  REQUIRE(told.size() == 5);
  CHECK(told[0] == "www.example.com /robots.txt: /robots.txt stands twice");
  CHECK(told[1] == "www.example.com /*: / takes every path");
  CHECK(told[2] == "example.com /robots.txt: /robots.txt stands twice");
  CHECK(told[4] == "www.example.com /: www.example.com belongs to site www.example.com");
}

TEST_CASE("a URL is asked for where its scheme is spoken, and by any forward") {
  Table t;
  Arena arena;
  auto at = [&](Direction direction, std::string_view text) {
    auto url = http::parse_target(http::Method::get, text, arena);
    REQUIRE(url);
    std::string all;
    for (const auto& each : t.table->entrances(direction, *url)) {
      all += (all.empty() ? "" : " ") + t.table->listeners()[each.listener].address.to_string() +
             "=" + std::string(each.found.route->place);
    }
    return all;
  };
  CHECK(at(Direction::site, "http://www.example.com/") ==
        "127.0.0.1:80=www.example.com 127.0.0.1:81=www.example.com");
  CHECK(at(Direction::site, "http://elsewhere.test/") == "127.0.0.1:81=*");
  CHECK(at(Direction::site, "https://www.example.com/") == "");
  CHECK(at(Direction::forward, "https://www.example.com/") == "127.0.0.1:3128=lan");
}

TEST_CASE("an l4: a port of UDP is none of TCP's") {
  Loaded loaded(R"(
pool a { server 127.0.0.1:9 }
pool b { server 127.0.0.1:10 }
l4 one { listen 127.0.0.1:53;  pool a }
l4 two { listen 127.0.0.1:53 udp;  pool b }
)");
  auto table = RouteTable::compile(loaded.config, loaded.parts);
  REQUIRE(table);
  REQUIRE((*table)->listeners().size() == 2);
  CHECK((*table)->listeners()[0].protocol == IpProtocol::tcp);
  CHECK((*table)->listeners()[1].protocol == IpProtocol::udp);
  CHECK((*table)->find(0, {}, {}).route->place == "one");
  CHECK((*table)->find(1, {}, {}).route->place == "two");
  CHECK((*table)->describe()[0].listen == "127.0.0.1:53");
  CHECK((*table)->describe()[1].listen == "127.0.0.1:53 udp");
}

TEST_CASE("an l4: the pool by the most exact host, or for all others") {
  Loaded loaded(R"(
pool a { server 127.0.0.1:9 }
pool b { server 127.0.0.1:10 }
l4 names {
  listen 127.0.0.1:443
  sni *.example.com pool a
  sni www.example.com .example.org pool b
  pool a
}
l4 only { listen 127.0.0.1:444;  sni example.com pool b }
)");
  auto table = RouteTable::compile(loaded.config, loaded.parts);
  REQUIRE(table);
  REQUIRE((*table)->listeners().size() == 2);
  CHECK((*table)->listeners()[0].direction == Direction::l4);
  const auto pool = [&](std::size_t listener, const char* sni) -> std::string {
    const Route& route = *(*table)->find(listener, sni, {}).route;
    CHECK(route.rules != nullptr);
    CHECK(route.l4 != nullptr);
    return route.pool ? loaded.config->pools[*route.pool].name : "none";
  };
  CHECK(pool(0, "x.example.com") == "a");
  CHECK(pool(0, "www.example.com") == "b");
  CHECK(pool(0, "a.b.example.org") == "b");
  CHECK(pool(0, "example.net") == "a");
  CHECK(pool(0, "") == "a");
  CHECK(pool(1, "example.com") == "b");
  CHECK(pool(1, "www.example.com") == "none");
  CHECK(pool(1, "") == "none");
  const auto rows = (*table)->describe();
  REQUIRE(rows.size() == 6);
  CHECK((rows[0].host == "*" && rows[0].answer == "pool a"));
  CHECK((rows[1].host == "www.example.com" && rows[1].answer == "pool b"));
  CHECK((rows[4].host == "*" && rows[4].answer == "close"));
}

TEST_CASE("rule 2: many routes are found as few are") {
  std::mt19937 random(1);
  auto word = [&](std::string_view letters) {
    std::string made = "/";
    for (std::size_t n = random() % 6; n > 0; --n) {
      made += letters[random() % letters.size()];
    }
    return made;
  };
  for (int round = 0; round < 20; ++round) {
    std::set<std::string> texts;
    while (texts.size() < 40) {
      switch (random() % 8) {
      case 0:
        texts.insert("*" + word("ab/") + "*"); // a glob that the index does not take
        break;
      case 1:
        texts.insert("~ ^" + word("ab") + "$");
        break;
      case 2:
      case 3:
        texts.insert(word("ab/") + "?" + word("ab/*"));
        break;
      default:
        texts.insert(word("ab/"));
      }
    }
    std::string text = "pool app { server 127.0.0.1:9 }\nsite x.test { listen 127.0.0.1:80\n";
    for (const auto& path : texts) {
      text += "route " + path + " { pool app }\n";
    }
    Loaded loaded{text + "}\n"};
    auto table = RouteTable::compile(loaded.config, loaded.parts);
    REQUIRE(table);
    std::vector<PathMatcher> one_by_one;
    for (const auto& route : loaded.config->sites[0].routes) {
      one_by_one.push_back(std::move(*PathMatcher::compile(route.path)));
    }
    std::stable_sort(one_by_one.begin(), one_by_one.end(),
                     [](const auto& a, const auto& b) { return a.goes_before(b); });
    for (int ask = 0; ask < 300; ++ask) {
      std::string path = word("ab/");
      PlainPath plain(path);
      auto first = std::find_if(one_by_one.begin(), one_by_one.end(),
                                [&](const auto& each) { return each.matches(plain.view()); });
      Found found = (*table)->find(0, "x.test", path);
      INFO(path);
      REQUIRE(found);
      CHECK((found.route->decl != nullptr ? to_text(found.route->decl->path) : "-") ==
            (first != one_by_one.end() ? to_text(first->pattern()) : "-"));
    }
  }
}
