// SPDX-License-Identifier: Apache-2.0
#include "rules/rule_set.h"

#include "allocations.h"
#include "rules_of.h"

using namespace weir;
using namespace weir::rules;

namespace {

/// A forward, or a site, with the rules of a text; and a request to be changed at will.
struct Fixture {
  Scratch scratch;
  std::unique_ptr<Loaded> loaded;
  std::unique_ptr<RuleSet> rules;
  Facts facts;
  std::vector<Address> addresses;
  Arena arena;
  http::Fields fields;
  WallTime now{};

  Fixture() {
    scratch.write("ads.txt", "# ads\n.ads.example\ntrack.example\n192.0.2.66\n");
    scratch.write("bad-ip.txt", "192.0.2.0/28\n2001:db8:bad::/48\n");
    facts.client = *Address::parse("10.1.2.3");
    facts.host = "www.example.com";
    facts.port = 80;
    facts.path = "/index.html";
    facts.method = "GET";
    facts.scheme = "http";
    facts.fields = &fields;
    now = *parse_http_date("Fri, 20 Nov 2026 10:00:00 GMT", {});
  }
  std::string named() const {
    return "list ads { file " + scratch / "ads.txt" + " }\nlist bad-ip { file " +
           scratch / "bad-ip.txt" +
           "\n format cidr }\nwhen work { time mon-fri 08:00-18:00\n zone Europe/Berlin }\n"
           "when night { time sat 22:00-06:00\n zone UTC }\npool app { server 127.0.0.1:9 }\n";
  }
  void forward(const std::string& text) {
    loaded = std::make_unique<Loaded>(named() +
                                      "forward lan {\n listen 127.0.0.1:3128\n rules {\n" + text +
                                      "\n}\n}\nsite x.example { listen 127.0.0.1:81\n route / { "
                                      "pool app } }\n");
    compile(Direction::forward, loaded->config->forwards[0].rules);
  }
  void site(const std::string& text) {
    loaded = std::make_unique<Loaded>(named() +
                                      "site www.example.com {\n listen 127.0.0.1:80\n rules {\n" +
                                      text + "\n}\n route / { pool app }\n}\n");
    compile(Direction::site, loaded->config->sites[0].rules);
  }
  void l4(const std::string& text) {
    loaded = std::make_unique<Loaded>(named() + "l4 db {\n listen 127.0.0.1:80\n pool app\n" +
                                      " rules {\n" + text + "\n}\n}\n");
    compile(Direction::l4, loaded->config->l4s[0].rules);
    facts.host = {};
  }
  void compile(Direction direction, const std::vector<config::RuleDecl>& decls) {
    auto set = RuleSet::compile(loaded->config, direction, decls, {}, loaded->parts);
    REQUIRE(set);
    rules = std::make_unique<RuleSet>(std::move(*set));
  }
  Verdict ask(Trace* trace = nullptr) {
    facts.addresses = addresses;
    return rules->evaluate(facts, now, trace);
  }
  /// "deny:0", "allow:default", with "?" while it is provisional.
  std::string answer() {
    auto v = ask();
    return std::string(name(v.action)) + ":" +
           (v.rule == Verdict::kNoRule ? "default" : std::to_string(v.rule)) +
           (v.is_final() ? "" : "?");
  }
  void resolve(std::initializer_list<const char*> texts) {
    addresses.clear();
    for (auto text : texts) {
      addresses.push_back(*Address::parse(text));
    }
    facts.addresses_known = true;
  }
};

} // namespace

TEST_CASE("rule 13: without a match a forward denies and a site allows") {
  Fixture f;
  f.forward("allow host other.example");
  CHECK(f.answer() == "deny:default");
  CHECK(f.ask().status == 403);
  CHECK(f.ask().where == "default");
  CHECK(f.loaded->config->pages[f.ask().page].name == "blocked");
  f.site("deny host other.example");
  CHECK(f.answer() == "allow:default");
}

TEST_CASE("rule 2: the first match decides, in the order of the file") {
  Fixture f;
  f.forward("allow host www.example.com\n deny host .example.com\n deny all");
  CHECK(f.answer() == "allow:0");
  f.facts.host = "ftp.example.com";
  CHECK(f.answer() == "deny:1");
  f.facts.host = "example.org";
  CHECK(f.answer() == "deny:2");
  CHECK(f.ask().where.substr(0, 10) == "weir.conf:");
  CHECK(f.ask().text() == "deny all");
}

TEST_CASE("each condition matches what its word says") {
  struct Case {
    const char* condition;
    bool match;
  };
  Fixture f;
  f.fields.add(http::FieldId::user_agent, "Mozilla/5.0 Bot", f.arena);
  f.fields.add({"X-Tag", "one", http::FieldId::other}, f.arena);
  f.fields.add({"x-tag", "two", http::FieldId::other}, f.arena);
  for (auto [condition, match] :
       std::initializer_list<Case>{{"client 10.0.0.0/8", true},
                                   {"client 192.168.0.0/16 10.1.2.3", true},
                                   {"client 10.1.2.4 2001:db8::/32", false},
                                   {"client private", true},
                                   {"client loopback", false},
                                   {"host www.example.com", true},
                                   {"host *.example.com", true},
                                   {"host .example.com", true},
                                   {"host example.com", false},
                                   {"host ~ ^www[.]", true},
                                   {"host ~ ^example", false},
                                   {"port 80", true},
                                   {"port 443 8000-8099", false},
                                   {"port 1-1024", true},
                                   {"path /index.html", true},
                                   {"path /index", false},
                                   {"path /*.html", true},
                                   {"path ~ html$", true},
                                   {"path /", true},
                                   {"method GET HEAD", true},
                                   {"method POST", false},
                                   {"scheme http", true},
                                   {"scheme https", false},
                                   {"header user-agent", true},
                                   {"header User-Agent ~ Bot", true},
                                   {"header User-Agent ~ ^Bot", false},
                                   {"header x-tag TWO", true},
                                   {"header x-tag three", false},
                                   {"header x-none", false},
                                   {"header cookie", false},
                                   {"when work", true},
                                   {"when night", false},
                                   {"all", true},
                                   {"host .example.com port 80", true},
                                   {"host .example.com port 81", false}}) {
    INFO(condition);
    f.forward(std::string("allow ") + condition);
    CHECK(f.answer() == (match ? "allow:0" : "deny:default"));
  }
}

TEST_CASE("W8.2 a path rule is not evaded by an odd spelling") {
  Fixture f;
  f.forward("deny path /admin/\n allow path /public/");
  for (auto path : {"/admin/x", "//admin/x", "/%61dmin/x", "/public/../admin/x",
                    "/public/%2e%2e/admin/x", "/public/..%2fadmin%2fx"}) {
    INFO(path);
    f.facts.path = path;
    CHECK(f.answer() == "deny:0");
  }
  f.facts.path = "/public/a%20b";
  CHECK(f.answer() == "allow:1");
  f.facts.path = "/public/../private";
  CHECK(f.answer() == "deny:default");
}

TEST_CASE("a tunnel has no path, and a request without fields has none") {
  Fixture f;
  f.facts.path = "";
  f.facts.fields = nullptr;
  f.forward("allow path /\n allow header x-tag");
  CHECK(f.answer() == "deny:default");
}

TEST_CASE("client-cert: subject and names of a certificate, whole or by an expression") {
  Fixture f;
  f.loaded = std::make_unique<Loaded>(
      R"(site s { listen 127.0.0.1:1 tls cert /x.pem client-cert optional /ca.pem
    rules { deny client-cert "CN=eve" DNS:eve.test; allow client-cert ~ ^URI:spiffe://x/; deny all unless client-cert } route / { respond 200 } })");
  f.compile(Direction::site, f.loaded->config->sites[0].rules);
  auto decides = [&f](const std::vector<std::string>& certificate) {
    f.facts.certificate = certificate;
    Verdict verdict = f.rules->evaluate(f.facts, f.now);
    f.facts.certificate = {};
    return verdict.rule == Verdict::kNoRule ? -1 : static_cast<int>(verdict.rule);
  };
  CHECK(decides({}) == 2);
  CHECK(decides({"CN=ann"}) == -1);
  CHECK(decides({"CN=eve"}) == 0);
  CHECK(decides({"CN=Eve"}) == -1);
  CHECK(decides({"CN=eve,O=x"}) == -1);
  CHECK(decides({"CN=ann", "DNS:a.test", "DNS:eve.test"}) == 0);
  CHECK(decides({"CN=ann", "URI:spiffe://x/ann"}) == 1);
  CHECK(decides({"CN=URI:spiffe://x/ann"}) == -1);
  Trace trace;
  std::vector<std::string> certificate{"CN=ann", "URI:spiffe://x/ann"};
  f.facts.certificate = certificate;
  (void)f.rules->evaluate(f.facts, f.now, &trace);
  CHECK(trace.rules[0].conditions[0].text == "client-cert CN=eve DNS:eve.test");
  CHECK(trace.rules[0].conditions[0].why == "the certificate is of CN=ann URI:spiffe://x/ann");
  CHECK(trace.rules[1].conditions[0].why == "~ ^URI:spiffe://x/");
}

TEST_CASE("FEATURES 9: a user by name, and by any group of those it is in") {
  Fixture f;
  std::string file = f.scratch.write("users", "");
  f.loaded = std::make_unique<Loaded>("users staff { file " + file + R"( }
    forward lan { listen 127.0.0.1:3128; auth basic from staff; rules {
      deny user eve "Jim B"; deny host it.example unless group it admins; allow group sales it } })");
  f.compile(Direction::forward, f.loaded->config->forwards[0].rules);
  auto decides = [&f](std::string_view user, std::vector<std::string> groups) {
    f.facts.user = user;
    f.facts.groups = groups;
    Verdict verdict = f.rules->evaluate(f.facts, f.now);
    CHECK(verdict.is_final());
    return verdict.rule == Verdict::kNoRule ? -1 : static_cast<int>(verdict.rule);
  };
  CHECK(decides("ann", {"it"}) == 2);
  CHECK(decides("ann", {"other", "sales"}) == 2);
  CHECK(decides("ann", {"other"}) == -1);
  CHECK(decides("Ann", {}) == -1);
  CHECK(decides("eve", {"it"}) == 0);
  CHECK(decides("Jim B", {"it"}) == 0);
  CHECK(decides("", {}) == -1);
  f.facts.host = "it.example";
  CHECK(decides("ann", {"admins"}) == -1);
  CHECK(decides("ann", {"sales"}) == 1);
  Trace trace;
  std::vector<std::string> groups{"sales"};
  f.facts.groups = groups;
  (void)f.rules->evaluate(f.facts, f.now, &trace);
  CHECK(trace.rules[0].conditions[0].text == "user eve Jim B");
  CHECK(trace.rules[0].conditions[0].why == "the user is ann");
  CHECK(trace.rules[1].conditions[1].why == "ann is not in it");
  f.facts.user = {};
  trace = {};
  (void)f.rules->evaluate(f.facts, f.now, &trace);
  CHECK(trace.rules[0].conditions[0].why == "nobody has logged in");
}

TEST_CASE("unless negates the AND of all that stands after it") {
  Fixture f;
  f.forward("deny host .example.com unless port 80 method GET\n allow all");
  CHECK(f.answer() == "allow:1");
  f.facts.method = "POST";
  CHECK(f.answer() == "deny:0");
  f.facts.method = "GET";
  f.facts.port = 81;
  CHECK(f.answer() == "deny:0");
  f.facts.host = "example.org";
  CHECK(f.answer() == "allow:1");
}

TEST_CASE("report and cache no note and go on") {
  Fixture f;
  f.forward("report host .example.com\n cache no path /index.html\n report port 81\n report all\n"
            " allow all");
  auto v = f.ask();
  CHECK(f.answer() == "allow:4");
  CHECK(v.cache_no);
  REQUIRE(v.reported_count == 2);
  CHECK(v.reported[0] == 0);
  CHECK(v.reported[1] == 3);
  f.facts.path = "/";
  CHECK_FALSE(f.ask().cache_no);
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "report port " + std::to_string(80) + "-" + std::to_string(81 + i) + "\n";
  }
  f.forward(many + "allow all");
  CHECK(f.ask().reported_count == Verdict::kReported);
}

TEST_CASE("limits that match are told in their order, a route's before all rules") {
  auto loaded = std::make_unique<Loaded>(
      "limit a { key client rate 1/s }\nlimit b { key client rate 2/s }\nlimit c { key path rate "
      "3/s }\n"
      "site s.example { listen 127.0.0.1:80\n rules { limit a path /x; limit b path /y; allow path "
      "/x; "
      "deny path /y }\n route / { limit c; respond 200; rules { limit b } } }");
  const auto& site = loaded->config->sites[0];
  auto set = RuleSet::compile(loaded->config, Direction::site, site.rules, site.routes[0].rules,
                              loaded->parts, site.routes[0].limits);
  REQUIRE(set);
  Facts facts;
  facts.path = "/x";
  auto limits = [&](Verdict v) {
    std::string names;
    for (std::size_t i = 0; i < v.limited_count; ++i) {
      names += loaded->config->limits[set->decl(v.limited[i]).limit.index].name;
    }
    return names + ":" + std::string(name(v.action));
  };
  CHECK(limits(set->evaluate(facts, {})) == "ca:allow"); // the search ends at allow
  facts.path = "/y";
  CHECK(limits(set->evaluate(facts, {})) == "cb:deny");
}

TEST_CASE("an action brings its status, page and answer") {
  Fixture f;
  f.forward("redirect https://elsewhere.example/ 307 port 1\n redirect /x port 2\n"
            " respond 451 \"No.\" port 3\n deny status 410 port 4\n deny page blocked port 5");
  f.facts.port = 1;
  CHECK(f.answer() == "redirect:0");
  CHECK(f.ask().status == 307);
  CHECK(f.ask().decl->url == "https://elsewhere.example/");
  f.facts.port = 2;
  CHECK(f.ask().status == 302);
  f.facts.port = 3;
  CHECK(f.answer() == "respond:2");
  CHECK(f.ask().status == 451);
  CHECK(f.ask().decl->respond.body == "No.");
  f.facts.port = 4;
  CHECK(f.ask().status == 410);
  f.facts.port = 5;
  CHECK(f.ask().status == 403);
}

TEST_CASE("a list of names is about the host, and the verdict says which line") {
  Fixture f;
  f.forward("deny list ads\n allow all");
  for (auto host : {"ads.example", "x.ads.example", "track.example"}) {
    f.facts.host = host;
    INFO(host);
    CHECK(f.answer() == "deny:0");
  }
  auto v = f.ask();
  REQUIRE(v.list);
  CHECK(v.list.list->name() == "ads");
  CHECK(v.list.list->where(v.list) == f.scratch / "ads.txt:3");
  f.resolve({"192.0.2.1"});
  f.facts.host = "x.track.example";
  CHECK(f.answer() == "allow:1");
  CHECK_FALSE(f.ask().list);
}

TEST_CASE("a list of addresses is about the client in a site, the destination in a forward") {
  Fixture f;
  f.site("deny list bad-ip");
  CHECK(f.answer() == "allow:default");
  f.facts.client = *Address::parse("192.0.2.7");
  CHECK(f.answer() == "deny:0");
  f.facts.client = *Address::parse("2001:db8:bad::7");
  CHECK(f.answer() == "deny:0");

  f.forward("deny list bad-ip\n allow all");
  CHECK(f.answer() == "allow:1?");
  f.resolve({"198.51.100.1"});
  CHECK(f.answer() == "allow:1");
  f.resolve({"198.51.100.1", "192.0.2.7"});
  CHECK(f.answer() == "deny:0");
  f.facts.addresses_known = false;
  f.addresses.clear();
  f.facts.host = "192.0.2.7";
  CHECK(f.answer() == "deny:0");
}

TEST_CASE("W8.2 an address rule holds for every spelling of the host and what it resolves to") {
  Fixture f;
  f.forward("deny host 127.0.0.1 10.0.0.1\n allow all");
  for (auto host : {"127.0.0.1", "127.0.0.1.", "2130706433", "0x7f.1", "0177.0.0.1", "127.1",
                    "[::ffff:127.0.0.1]", "::ffff:7f00:1", "[64:ff9b::7f00:1]", "[::127.0.0.1]"}) {
    INFO(host);
    f.facts.host = host;
    CHECK(f.answer() == "deny:0");
  }
  f.facts.host = "127.0.0.2";
  CHECK(f.answer() == "allow:1");
  f.facts.host = "localhost.example";
  f.resolve({"192.0.2.1", "::ffff:10.0.0.1"});
  CHECK(f.answer() == "deny:0");
}

TEST_CASE("rule 14: what hangs on an address is provisional until it is known") {
  Fixture f;
  SECTION("an unknown fact does not match, and the verdict names it") {
    f.forward("deny host 10.0.0.1\n allow all");
    CHECK(f.answer() == "allow:1?");
    CHECK(name_of_facts(f.ask().provisional) == "address");
    f.resolve({"10.0.0.1"});
    CHECK(f.answer() == "deny:0");
    f.resolve({"10.0.0.2"});
    CHECK(f.answer() == "allow:1");
  }
  SECTION("a rule that fails otherwise does not hang on it") {
    f.forward("deny host 10.0.0.1 port 81\n allow all");
    CHECK(f.answer() == "allow:1");
    f.facts.port = 81;
    CHECK(f.answer() == "allow:1?");
  }
  SECTION("one that matches by name does not wait") {
    f.forward("deny host 10.0.0.1 .example.com\n allow all");
    CHECK(f.answer() == "deny:0");
  }
  SECTION("what is decided before does not wait") {
    f.forward("allow port 80\n deny host 10.0.0.1\n allow all");
    CHECK(f.answer() == "allow:0");
  }
  SECTION("unless holds until the fact is known") {
    f.forward("deny port 80 unless host 10.0.0.1\n allow all");
    CHECK(f.answer() == "deny:0?");
    f.resolve({"10.0.0.1"});
    CHECK(f.answer() == "allow:1");
    f.facts.addresses_known = false;
    f.addresses.clear();
    f.facts.port = 81;
    CHECK(f.answer() == "allow:1");
  }
  SECTION("a site's host is not resolved, so nothing waits") {
    f.site("deny host 10.0.0.1\n deny list ads");
    CHECK(f.answer() == "allow:default");
  }
}

TEST_CASE("a schedule's rule follows the clock") {
  Fixture f;
  f.forward("deny host .example.com when work\n allow all");
  CHECK(f.answer() == "deny:0");
  f.now = *parse_http_date("Fri, 20 Nov 2026 17:00:00 GMT", {});
  CHECK(f.answer() == "allow:1");
}

TEST_CASE("FEATURES 14: a trace tells each rule tried, and why each condition came out so") {
  Fixture f;
  f.forward("allow client 192.168.0.0/16 port 80\n deny list ads unless method POST\n allow all");
  f.facts.host = "x.ads.example";
  Trace trace;
  auto v = f.ask(&trace);
  CHECK(v.rule == 1);
  REQUIRE(trace.rules.size() == 2);
  const auto& first = trace.rules[0];
  CHECK(first.outcome == Outcome::no);
  CHECK(first.text == "allow client 192.168.0.0/16 port 80");
  REQUIRE(first.conditions.size() == 2);
  CHECK(first.conditions[0].text == "client 192.168.0.0/16");
  CHECK(first.conditions[0].why == "the client is 10.1.2.3");
  CHECK(first.conditions[1].outcome == Outcome::yes);
  CHECK(first.conditions[1].why == "80");
  const auto& second = trace.rules[1];
  CHECK(second.outcome == Outcome::yes);
  REQUIRE(second.conditions.size() == 2);
  CHECK(second.conditions[0].why == "in ads, " + f.scratch / "ads.txt:2");
  CHECK(second.conditions[1].unless);
  CHECK(second.conditions[1].why == "the method is GET");
  CHECK(trace.decision == "deny by " + std::string(v.where));

  f.forward("deny host 10.0.0.1\n allow all");
  Trace waiting;
  f.ask(&waiting);
  CHECK(waiting.rules[0].outcome == Outcome::unknown);
  CHECK(waiting.rules[0].conditions[0].why == "the address of x.ads.example is not known yet");
  f.resolve({"10.0.0.1"});
  Trace known;
  f.ask(&known);
  CHECK(known.rules[0].conditions[0].why == "10.0.0.1, resolves to 10.0.0.1");
}

TEST_CASE("the trace changes nothing") {
  Fixture f;
  f.forward("report host 10.0.0.1\n deny list ads bad-ip\n cache no port 80 unless host 10.0.0.2\n"
            " allow client private");
  for (auto host : {"www.example.com", "x.ads.example", "192.0.2.3", "192.0.2.66"}) {
    f.facts.host = host;
    Trace trace;
    auto plain = f.ask();
    auto traced = f.ask(&trace);
    INFO(host);
    CHECK(plain.rule == traced.rule);
    CHECK(plain.action == traced.action);
    CHECK(plain.provisional == traced.provisional);
    CHECK(plain.cache_no == traced.cache_no);
    CHECK(plain.reported_count == traced.reported_count);
    CHECK(plain.list.line == traced.list.line);
  }
}

TEST_CASE("an evaluation allocates nothing") {
  Fixture f;
  std::string hosts;
  for (int i = 0; i < 50; ++i) {
    hosts += " .host" + std::to_string(i) + ".invalid";
  }
  f.fields.add({"X-Tag", "one", http::FieldId::other}, f.arena);
  f.forward("deny list ads bad-ip\n deny host" + hosts +
            "\n report host 10.0.0.1\n deny header x-tag two when work\n deny path /secret *.php\n"
            " allow client private method GET scheme http port 80");
  f.resolve({"198.51.100.1"});
  f.facts.addresses = f.addresses;
  (void)f.rules->evaluate(f.facts, f.now);
  auto before = allocations();
  bool allowed = true;
  for (int i = 0; i < 1000; ++i) {
    allowed = f.rules->evaluate(f.facts, f.now).allows() && allowed;
  }
  auto after = allocations();
  CHECK(allowed);
  CHECK(after == before);
}

TEST_CASE("an l4: rules by address at once, by host as soon as the ClientHello is there") {
  Fixture f;
  const auto name = [&f](std::string_view sni) {
    f.facts.sni = f.facts.host = sni;
    f.facts.sni_known = true;
  };
  SECTION("no rule matches: allowed; no rule asks for the host: final") {
    f.l4("deny client 192.0.2.0/24");
    CHECK(f.answer() == "allow:default");
    f.facts.client = *Address::parse("192.0.2.1");
    CHECK(f.answer() == "deny:0");
  }
  SECTION("sni") {
    f.l4("deny sni .bad.example\n deny client 192.0.2.0/24\n allow all");
    CHECK(f.answer() == "allow:2?");
    CHECK(name_of_facts(f.ask().provisional) == "sni");
    Trace trace;
    f.ask(&trace);
    CHECK(trace.decision == "allow by weir.conf:15, until the sni is known");
    CHECK(trace.rules[0].conditions[0].why == "the sni is not known yet");
    name("www.bad.example");
    CHECK(f.answer() == "deny:0");
    name("good.example");
    CHECK(f.answer() == "allow:2");
    name(""); // it names none
    CHECK(f.answer() == "allow:2");
    f.facts.client = *Address::parse("192.0.2.1");
    f.facts.sni_known = false;
    CHECK(f.answer() == "deny:1?");
  }
  SECTION("lists: of names by the host, of addresses by the client") {
    f.l4("deny list ads\n deny list bad-ip");
    CHECK(f.answer() == "allow:default?");
    name("x.ads.example");
    CHECK(f.answer() == "deny:0");
    name("good.example");
    CHECK(f.answer() == "allow:default");
    f.facts.client = *Address::parse("192.0.2.1");
    CHECK(f.answer() == "deny:1");
  }
}
