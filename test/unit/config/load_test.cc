// SPDX-License-Identifier: Apache-2.0
//
// Text → declarations: every statement with what it declares. What is wrong with texts stands in
// errors_test.cc.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir;
using namespace weir::config;
using namespace std::chrono_literals;

namespace {

/// A folder of its own for the length of a test.
class Folder {
public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-config-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string put(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return path(name);
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

std::shared_ptr<const Config> clean(std::string_view text) {
  const Loaded loaded = load_text("t", text);
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  return loaded.config;
}

RuleDecl only_rule(const std::shared_ptr<const Config>& config) {
  REQUIRE(config->forwards.size() == 1);
  REQUIRE(config->forwards[0].rules.size() == 1);
  return config->forwards[0].rules[0];
}

std::shared_ptr<const Config> with_rule(std::string_view rule) {
  return clean("forward f { listen 127.0.0.1:1; rules {\n" + std::string(rule) + "\n} }");
}

} // namespace

TEST_CASE("the embedded default: both directions on loopback") {
  const auto config = clean(embedded_default());
  REQUIRE(config->forwards.size() == 1);
  const ForwardDecl& lan = config->forwards[0];
  CHECK(lan.name == "lan");
  REQUIRE(lan.listens.size() == 1);
  CHECK(lan.listens[0].address.to_string() == "127.0.0.1:3128");
  CHECK(lan.private_deny);
  CHECK(lan.private_except == std::vector{*Prefix::parse("127.0.0.0/8"), *Prefix::parse("::1")});
  CHECK(lan.connect == std::vector{PortRange{443, 443}, PortRange{8090, 8090}});
  CHECK(lan.cache.name == "main");
  REQUIRE(lan.rules.size() == 2);
  CHECK(lan.rules[0].action == ActionKind::allow);
  CHECK(lan.rules[0].text == "allow client loopback");
  CHECK(lan.rules[1].action == ActionKind::deny);
  CHECK(lan.rules[1].status == 403);
  REQUIRE(config->sites.size() == 1);
  const SiteDecl& site = config->sites[0];
  CHECK(site.name == "*");
  CHECK(site.names[0].kind == HostPattern::Kind::any);
  CHECK(site.listens[0].address.to_string() == "127.0.0.1:8080");
  REQUIRE(site.routes.size() == 1);
  CHECK(site.routes[0].answer == RouteAnswer::pool);
  CHECK(config->pools[site.routes[0].pool.index].servers[0].host == "127.0.0.1");
  CHECK(config->pools[site.routes[0].pool.index].servers[0].port == 8090);
  const CacheDecl& cache = config->caches[site.routes[0].cache.index];
  CHECK(cache.memory == 64 << 20);
  CHECK(cache.memory_object_max == 1 << 20);
  CHECK(cache.disk_path == "./var/cache");
  CHECK(cache.disk_size == 1 << 30);
  CHECK(cache.disk_admit_frequent);
  CHECK(cache.disk_object_max == 1 << 27);
  CHECK(config->log.sqlite == "./var/log");
  CHECK(config->log.keep == 24h * 7);
  CHECK(config->log.max == 1 << 30);
  CHECK(config->log.json == "./var/log/access.json");
  CHECK(config->log.errors.empty());
  CHECK(config->admin.socket == "./var/admin.sock");
  CHECK(config->admin.http->to_string() == "127.0.0.1:9145");
  CHECK(config->state == "./var/state");
}

TEST_CASE("an empty file is a configuration with a warning") {
  const Loaded loaded = load_text("t", "");
  REQUIRE(loaded.config);
  CHECK(
      print(loaded.diagnostics) ==
      "t: warning: nothing listens: there is neither a forward nor a site nor an l4\n1 warning\n");
  CHECK(loaded.config->state == "/var/lib/weir/state");
  CHECK(loaded.config->dns.timeout == 5s);
  CHECK(loaded.config->log.keep == 24h * 30);
}

TEST_CASE("what is shipped in etc/ passes config test, comments taken away too") {
  const std::string name = std::string(WEIR_SOURCE_DIR) + "/etc/weir.conf";
  const Loaded loaded = load_file(name);
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  CHECK(loaded.config->forwards.size() == 1);
  std::ifstream file(name);
  std::stringstream text;
  text << file.rdbuf();
  std::string whole = text.str();
  // "#word" is configuration, "# word" prose; of two `private`s the second is the alternative.
  whole = std::regex_replace(whole, std::regex("    private deny\n"), "");
  whole = std::regex_replace(whole, std::regex("(^|\n)( *)#(?=[a-z}]|    [a-z])"), "$1$2");
  const Loaded all = load_text("all", whole, {false});
  CHECK(print(all.diagnostics) == "");
  REQUIRE(all.config);
  CHECK(all.config->sites.size() == 1);
  CHECK(all.config->lists.size() == 3);
}

TEST_CASE("C3 blocks inherit what stands around them, wherever it stands") {
  const auto config = clean(R"(
forward a { listen 127.0.0.1:1; header-timeout 3s; origin-idle-timeout 9s }
site s.example {
    listen 127.0.0.1:2
    route /x { respond 200; body-max 1MB }
    route /y { respond 204 }
    body-max 5MB
}
pool p { server h:1; answer-timeout 2s; connections 7; queue-timeout 1s; retry 0; proxy-protocol v2 }
pool q { server h:1 }
site t.example { listen 127.0.0.1:2; route / { pool p }; route /q { pool q } }
header-timeout 8s
answer-timeout 7s
workers 3
)");
  CHECK(config->options.header_timeout == 8s);
  CHECK(config->options.workers == 3);
  CHECK(config->forwards[0].options.header_timeout == 3s);
  CHECK(config->forwards[0].options.origin_idle_timeout == 9s);
  CHECK(config->forwards[0].options.answer_timeout == 7s);
  CHECK(config->sites[0].options.header_timeout == 8s);
  CHECK(config->sites[0].options.body_max == 5 << 20);
  CHECK(config->sites[0].routes[0].options.body_max == 1 << 20);
  CHECK(config->sites[0].routes[1].options.body_max == 5 << 20);
  CHECK(config->pools[0].options.answer_timeout == 2s);
  CHECK(config->pools[0].options.connections == 7);
  CHECK(config->pools[0].options.queue_timeout == 1s);
  CHECK(config->pools[0].options.retry == 0);
  CHECK(config->pools[0].send_proxy == SendProxy::v2);
  CHECK(config->pools[1].send_proxy == SendProxy::no);
  CHECK(config->pools[1].options.answer_timeout == 7s);
  CHECK(config->where(config->options.written_at(Scalar::header_timeout)) == "t:12");
  CHECK(config->where(config->options.written_at(Scalar::connect_timeout)) == "default");
}

TEST_CASE("how a cache is used: after its name or beside it; routes inherit what a site says") {
  auto config = clean(R"(
cache main { memory 10MB }
pool app { server 127.0.0.1:9 }
site a.example {
  listen 127.0.0.1:80
  cache main ttl 7d ignore no-store private tags X-Tags key-query drop tracking q key-cookie lang
  client-directives no; targeted-fields Own-Cache-Control CDN-Cache-Control
  ttl-status 404 5xx 10s
  route /own { ttl 1h; ignore -private vary; tags Cache-Tag; key-query sort; key-cookie -lang
               key-header X-Device; key-host www.a.example; object-min 10B; object-max 1MB
               ttl-status 500-504 1min; client-directives yes; targeted-fields none; pool app }
  route / { pool app }
}
)");
  const RouteDecl& own = config->sites[0].routes[0];
  const RouteDecl& plain = config->sites[0].routes[1];
  CHECK(plain.cache.name == "main");
  CHECK(plain.options.ttl == 168h);
  CHECK_FALSE(plain.options.client_directives);
  CHECK(plain.use.ignored ==
        (static_cast<unsigned>(Ignored::no_store) | static_cast<unsigned>(Ignored::is_private)));
  CHECK(plain.use.tag_fields == std::vector<std::string>{"x-tags"});
  CHECK(plain.use.query == KeyQuery::drop);
  CHECK(plain.use.query_names.size() > 20);
  CHECK(plain.use.query_names.back() == "q");
  REQUIRE(plain.use.status_ttls.size() == 2);
  CHECK(plain.use.status_ttls[1].first == 500);
  CHECK(plain.use.status_ttls[1].last == 599);
  CHECK(plain.use.targeted == std::vector<std::string>{"own-cache-control", "cdn-cache-control"});
  CHECK(own.use.targeted.empty());
  CHECK(CacheUseDecl().targeted == std::vector<std::string>{"cdn-cache-control"});
  CHECK(own.options.ttl == 1h);
  CHECK(own.options.client_directives);
  CHECK(own.options.object_min == 10);
  CHECK(own.options.object_max == 1 << 20);
  CHECK(own.use.ignored ==
        (static_cast<unsigned>(Ignored::no_store) | static_cast<unsigned>(Ignored::vary)));
  CHECK(own.use.tag_fields == std::vector<std::string>{"x-tags", "cache-tag"});
  CHECK(own.use.query == KeyQuery::sort);
  CHECK(own.use.key_cookies.empty());
  CHECK(own.use.key_headers == std::vector<std::string>{"x-device"});
  CHECK(own.use.key_host == "www.a.example");
  CHECK(own.use.status_ttls.size() == 3);
}

TEST_CASE("C3 lists add to the outer; -X removes one, !reset clears") {
  const auto config = clean(R"(
connect 443 8443
private deny except 10.1.0.0/16
forward a { listen 127.0.0.1:1; connect 8000-8099 -8443; private deny except 10.2.0.0/16 }
forward b { listen 127.0.0.1:2; connect !reset 22; private deny except -10.1.0.0/16 }
forward c { listen 127.0.0.1:3; private allow }
)");
  CHECK(config->forwards[0].connect == std::vector{PortRange{443, 443}, PortRange{8000, 8099}});
  CHECK(config->forwards[0].private_except ==
        std::vector{*Prefix::parse("10.1.0.0/16"), *Prefix::parse("10.2.0.0/16")});
  CHECK(config->forwards[1].connect == std::vector{PortRange{22, 22}});
  CHECK(config->forwards[1].private_except.empty());
  CHECK(config->forwards[2].connect == std::vector{PortRange{443, 443}, PortRange{8443, 8443}});
  CHECK_FALSE(config->forwards[2].private_deny);
}

TEST_CASE("C3 what is written takes the place of a default, and -X takes from it") {
  CHECK(clean("forward a { listen 127.0.0.1:1; connect 8443 }")->forwards[0].connect ==
        std::vector{PortRange{8443, 8443}});
  CHECK(clean("forward a { listen 127.0.0.1:1; connect -443 }")->forwards[0].connect.empty());
}

TEST_CASE("C3 compress: a cache, a site and a route add up; -X and !reset take away") {
  const auto config = clean(R"(
cache main { memory 64MB; compress br gzip min 2KB types application/x-own }
pool app { server 127.0.0.1:1 }
site a.example {
    listen 127.0.0.1:2
    cache main
    compress zstd
    route /less/ { compress -br -gzip types !reset text/CSS; pool app }
    route /off/  { compress !reset; pool app }
    route /own/  { cache none; compress gzip; pool app }
    route /      { pool app }
}
forward f { listen 127.0.0.1:3 }
)");
  using http::Coding;
  const SiteDecl& site = config->sites[0];
  CHECK(site.compress.codings == std::vector{Coding::br, Coding::gzip, Coding::zstd});
  CHECK(site.compress.min == 2048);
  CHECK(site.compress.types.front() == "text/*");
  CHECK(site.compress.types.back() == "application/x-own");
  CHECK(site.routes[0].compress.codings == std::vector{Coding::zstd});
  CHECK(site.routes[0].compress.types == std::vector<std::string>{"text/css"});
  CHECK(site.routes[1].compress.codings.empty());
  CHECK(site.routes[2].compress.codings == std::vector{Coding::zstd, Coding::gzip});
  CHECK(site.routes[2].compress.min == 1024); // nothing of a cache it does not use
  CHECK(site.routes[3].compress.codings == site.compress.codings);
  CHECK(config->forwards[0].compress.codings.empty());
  std::string shown;
  for (const ShowLine& line : show(*config, false)) {
    shown += line.word == "compress" ? line.block + ": " + line.value + "\n" : "";
  }
  CHECK(shown.find("route /less/: zstd min 2KB types text/css\n") != std::string::npos);
  CHECK(shown.find("route /off/: none\n") != std::string::npos);
}

TEST_CASE("statements of log, admin, dns may run on or stand alone") {
  const Folder folder;
  ::chmod(folder.put("token", "secret\n").c_str(), 0600);
  const std::string name = folder.put("weir.conf", R"(
log { sqlite log keep none max none; json /j; errors e.log debug }
admin { socket s.sock group adm mode 0600
        http [::1]:9145 token @token }
dns { server 10.0.0.53 [2001:db8::53]:5353; timeout 2s; stale none; prefer ipv4 }
forward f { listen 127.0.0.1:1 }
via edge-1
)");
  const Loaded loaded = load_file(name);
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  const Config& config = *loaded.config;
  CHECK(config.log.sqlite == folder.path("log"));
  CHECK(config.log.keep == 0s);
  CHECK(config.log.max == 0);
  CHECK(config.log.options.log_keep == 0s);
  CHECK(config.log.options.log_max == 0);
  CHECK(config.log.json == "/j");
  CHECK(config.log.errors == folder.path("e.log"));
  CHECK(config.log.level == Level::debug);
  CHECK(config.admin.socket == folder.path("s.sock"));
  CHECK(config.admin.group == "adm");
  CHECK(config.admin.mode == 0600);
  CHECK(config.admin.http->to_string() == "[::1]:9145");
  CHECK(config.admin.token_file == folder.path("token"));
  REQUIRE(config.dns.servers.size() == 2);
  CHECK(config.dns.servers[0].to_string() == "10.0.0.53:53");
  CHECK(config.dns.servers[1].to_string() == "[2001:db8::53]:5353");
  CHECK(config.dns.timeout == 2s);
  CHECK(config.dns.stale == 0s);
  CHECK(config.dns.options.dns_stale == 0s);
  CHECK(config.dns.prefer == Prefer::ipv4);
  CHECK(config.via == "edge-1");
}

TEST_CASE("whom weir works as") {
  const auto loaded = [](std::string_view text) {
    Loaded made = load_text("t", text);
    CHECK(count_errors(made.diagnostics) == 0);
    REQUIRE(made.config);
    return made.config;
  };
  CHECK(loaded("")->user.empty());
  CHECK(loaded("")->options.seccomp);
  CHECK_FALSE(loaded("seccomp no")->options.seccomp);
  const auto named = loaded("user nobody daemon");
  CHECK(named->user == "nobody");
  CHECK(named->group == "daemon");
  bool shown = false;
  for (const ShowLine& line : show(*named, false)) {
    shown = shown || (line.word == "user" && line.value == "nobody daemon" && line.where == "t:1");
  }
  CHECK(shown);
  // A text that came from afar asks the system nothing.
  CHECK(load_text("t", "user no-such-user no-such-group", {false}).config);
}

TEST_CASE("caches, lists, schedules, pages, pools") {
  const Folder folder;
  folder.put("a.txt", "");
  folder.put("d/2", "");
  folder.put("d/1", "");
  folder.put("d/.hidden", "");
  folder.put("d/sub/3", "");
  folder.put("p.html", "<p>{id}");
  const std::string name = folder.put("weir.conf", R"(
cache big shared {
    memory 4GB object-max 8MB
    disk disk 2GB object-max 1GB admit-frequent no
    fills-memory 8MB; variants-max 2; heuristic-max none; flush 100ms
}
list l { file a.txt format hosts shrink-guard 50% }
list m { dir d; format cidr }
when w { time mon-fri 08:00-18:00 sat 10:00-14:00 15:00-16:00  zone Europe/Berlin }
when night { time 22:00-06:00; time sun,tue }
page gone @p.html
pool p { server a.example:80 b.example:81 weight 3; server [2001:DB8::1]:82; balance round-robin }
forward f {
    listen 127.0.0.1:1
    cache big
    rules { deny list l when w page gone; deny list m unless when night }
}
site S.Example. { listen 127.0.0.1:2; cache big; route / { pool p }; route /n { cache none; pool p } }
)");
  const Loaded loaded = load_file(name);
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  const Config& config = *loaded.config;
  const CacheDecl& cache = config.caches[0];
  CHECK(cache.shared);
  CHECK(cache.memory_object_max == 8 << 20);
  CHECK(cache.options.memory_object_max == 8 << 20);
  CHECK(cache.disk_path == folder.path("disk"));
  CHECK(cache.disk_object_max == 1 << 30);
  CHECK(cache.options.disk_object_max == 1 << 30);
  CHECK_FALSE(cache.disk_admit_frequent);
  CHECK(cache.options.fills_memory == 8 << 20);
  CHECK(cache.options.variants_max == 2);
  CHECK(cache.options.heuristic_max == 0s);
  CHECK(cache.options.flush == 100ms);
  CHECK(config.lists[0].files == std::vector{folder.path("a.txt")});
  CHECK(config.lists[0].format == ListFormat::hosts);
  CHECK(config.lists[0].shrink_guard == 50); // list_shrink_guard
  CHECK(config.lists[1].files == std::vector{folder.path("d/1"), folder.path("d/2")});
  CHECK(config.lists[1].format == ListFormat::cidr);
  REQUIRE(config.whens[0].slots.size() == 3);
  CHECK(config.whens[0].slots[0].days == 0x1f);
  CHECK(config.whens[0].slots[0].from == 480);
  CHECK(config.whens[0].slots[0].to == 1080);
  CHECK(config.whens[0].slots[2].days == 0x20);
  CHECK(config.whens[0].slots[2].from == 900);
  CHECK(config.whens[0].zone == "Europe/Berlin");
  REQUIRE(config.whens[1].slots.size() == 2);
  CHECK(config.whens[1].slots[0].days == 0x7f);
  CHECK(config.whens[1].slots[0].to == 360);
  CHECK(config.whens[1].slots[1].days == 0x42);
  CHECK(config.whens[1].slots[1].to == 1440);
  CHECK(config.pages[0].body == "<p>{id}");
  CHECK(config.pages[0].content_type == "text/html; charset=utf-8");
  CHECK(config.pages[1].name == "blocked");
  REQUIRE(config.pools[0].servers.size() == 3);
  CHECK(config.pools[0].servers[1].weight == 3); // server_weight
  CHECK(config.pools[0].servers[2].weight == 1);
  CHECK(config.pools[0].servers[2].host == "2001:db8::1");
  const std::vector<RuleDecl>& rules = config.forwards[0].rules;
  CHECK(config.lists[rules[0].conditions[0].names[0].index].name == "l");
  CHECK(config.whens[rules[0].conditions[1].names[0].index].name == "w");
  CHECK(config.pages[rules[0].page.index].name == "gone");
  CHECK(config.whens[rules[1].unless[0].names[0].index].name == "night");
  CHECK(config.sites[0].names[0].text == "s.example");
  CHECK(config.sites[0].routes[0].cache.name == "big");
  CHECK_FALSE(config.sites[0].routes[1].cache);
}

TEST_CASE("sites: names, listeners, answers") {
  const Folder folder;
  folder.put("robots.txt", "User-agent: *\n");
  const std::string name = folder.put("weir.conf", R"(
site example.com *.example.com .example.org 192.0.2.1 [2001:db8::1] {
    listen 127.0.0.1:1 [::1]:1 trust 10.1.0.0/24 ::1
    listen 127.0.0.1:2 proxy-protocol 10.2.0.0/24
    rules { deny client 192.0.2.0/24 }
    route /robots.txt { respond 200 @robots.txt }
    route /old { respond 410 "This page is gone." }
    route /new { redirect https://example.org/ 301 }
    route /there { redirect /elsewhere }
    route *.php { respond 404 }
    route ~ ^/[0-9]+$ { respond 204; rules { deny method PUT } }
}
)");
  const Loaded loaded = load_file(name);
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  const SiteDecl& site = loaded.config->sites[0];
  REQUIRE(site.names.size() == 5);
  CHECK(site.names[1].kind == HostPattern::Kind::subdomains);
  CHECK(site.names[1].text == "example.com");
  CHECK(site.names[2].kind == HostPattern::Kind::both);
  CHECK(site.names[2].text == "example.org");
  CHECK(site.names[4].text == "2001:db8::1");
  REQUIRE(site.listens.size() == 3);
  CHECK(site.listens[1].trust.size() == 2);
  CHECK(site.listens[2].trust.empty());
  CHECK(site.listens[1].proxy_protocol.empty());
  CHECK(site.listens[2].proxy_protocol == std::vector{*Prefix::parse("10.2.0.0/24")});
  REQUIRE(site.routes.size() == 6);
  CHECK(site.routes[0].respond.body == "User-agent: *\n");
  CHECK(site.routes[0].respond.content_type == "text/plain; charset=utf-8");
  CHECK(site.routes[1].respond.status == 410);
  CHECK(site.routes[1].respond.body == "This page is gone.");
  CHECK(site.routes[2].answer == RouteAnswer::redirect);
  CHECK(site.routes[2].redirect_status == 301);
  CHECK(site.routes[3].redirect_status == 302);
  CHECK(site.routes[3].path.kind == PathPattern::Kind::prefix);
  CHECK(site.routes[4].path.kind == PathPattern::Kind::glob);
  CHECK(site.routes[5].path.kind == PathPattern::Kind::regex);
  CHECK(site.routes[5].path.text == "^/[0-9]+$");
  CHECK(site.routes[5].rules.size() == 1);
}

TEST_CASE("limits of bytes: bandwidth and quota, alone or beside a rate") {
  const Loaded loaded = load_text("weir.conf", R"(
limit bulk  { key client   bandwidth 2MB/s   quota 5GB/day }
limit hours { key path; quota 1GB/h; rate 10/s }
limit month { key client /24; quota 100GB/month }
site s.example {
    listen 127.0.0.1:1
    route / { limit bulk hours month; respond 204 }
}
)");
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  const LimitDecl& bulk = loaded.config->limits.at(0);
  CHECK((bulk.count == 0 && bulk.bandwidth == 2U << 20 && bulk.quota == 5ULL << 30));
  CHECK(bulk.quota_time == QuotaTime::day);
  const LimitDecl& hours = loaded.config->limits.at(1);
  CHECK((hours.count == 10 && hours.bandwidth == 0 && hours.quota_time == QuotaTime::hour));
  CHECK(loaded.config->limits.at(2).quota_time == QuotaTime::month);
  std::string shown;
  for (const ShowLine& line : show(*loaded.config, false)) {
    shown += line.block + ": " + line.word + " " + line.value + "\n";
  }
  CHECK(shown.find("limit bulk: key client /32 /64\nlimit bulk: bandwidth 2MB/s\n"
                   "limit bulk: quota 5GB/day\nlimit hours: key path\nlimit hours: rate 10/s\n"
                   "limit hours: burst 10\nlimit hours: quota 1GB/h\n") != std::string::npos);
}

TEST_CASE("limits: key, rate, burst, and who uses them") {
  const Loaded loaded = load_text("weir.conf", R"(
limit login { key client   rate 5/min   burst 10 }
limit api   { key client /24 /56 header X-Api-Key path; rate 1000/h }
site s.example {
    listen 127.0.0.1:1
    rules { limit api path /api unless client 10.0.0.0/8; allow all }
    route /login { limit login api; respond 200 }
    route / { respond 204 }
}
)");
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
  const LimitDecl& login = loaded.config->limits.at(0);
  CHECK((login.by_client && !login.by_path && login.headers.empty()));
  CHECK((login.v4_bits == 32 && login.v6_bits == 64));
  CHECK((login.count == 5 && login.per == std::chrono::minutes(1) && login.burst == 10));
  const LimitDecl& api = loaded.config->limits.at(1);
  CHECK((api.by_client && api.by_path && api.v4_bits == 24 && api.v6_bits == 56));
  CHECK(api.headers == std::vector<std::string>{"x-api-key"});
  CHECK((api.count == 1000 && api.per == std::chrono::hours(1) && api.burst == 1000));
  const SiteDecl& site = loaded.config->sites[0];
  CHECK(site.rules[0].action == ActionKind::limit);
  CHECK(site.rules[0].limit.index == 1);
  CHECK((site.rules[0].conditions.size() == 1 && site.rules[0].unless.size() == 1));
  REQUIRE(site.routes[0].limits.size() == 2);
  CHECK(site.routes[0].limits[0].limit.index == 0);
  CHECK(site.routes[0].limits[1].text == "limit api");
  CHECK(site.routes[1].limits.empty());
  std::string shown;
  for (const ShowLine& line : show(*loaded.config, false)) {
    if (line.block.starts_with("limit")) {
      shown += line.block + ": " + line.word + " " + line.value + "\n";
    }
  }
  CHECK(shown == "limit login: key client /32 /64\nlimit login: rate 5/min\nlimit login: burst 10\n"
                 "limit api: key client /24 /56 header x-api-key path\nlimit api: rate 1000/h\n"
                 "limit api: burst 1000\n");
}

TEST_CASE("rules: each condition and action") {
  const RuleDecl rule = only_rule(with_rule(
      R"(deny client 10.0.0.0/8 loopback private host Example.com *.b.c ~ ^x[0-9]+$ "list" port 80 8000-8099 path /a "*.exe" ~ \.png$ method GET scheme http header Cookie header User-Agent ~ curl "a b" status 451 unless method HEAD host .d)"));
  CHECK(rule.action == ActionKind::deny);
  CHECK(rule.status == 451);
  REQUIRE(rule.conditions.size() == 8);
  CHECK(rule.conditions[0].prefixes.size() == 7);
  REQUIRE(rule.conditions[1].hosts.size() == 4);
  CHECK(rule.conditions[1].hosts[0].text == "example.com");
  CHECK(rule.conditions[1].hosts[2].kind == HostPattern::Kind::regex);
  CHECK(rule.conditions[1].hosts[3].text == "list");
  CHECK(rule.conditions[2].ports.size() == 2);
  CHECK(rule.conditions[2].ports[1].contains(8050));
  REQUIRE(rule.conditions[3].paths.size() == 3);
  CHECK(rule.conditions[3].paths[1].kind == PathPattern::Kind::glob);
  CHECK(rule.conditions[3].paths[2].text == "\\.png$");
  CHECK(rule.conditions[4].texts == std::vector<std::string>{"GET"});
  CHECK(rule.conditions[5].texts == std::vector<std::string>{"http"});
  CHECK(rule.conditions[6].field == "cookie");
  CHECK(rule.conditions[6].texts.empty());
  CHECK(rule.conditions[7].field == "user-agent");
  CHECK(rule.conditions[7].regexes == std::vector<std::string>{"curl"});
  CHECK(rule.conditions[7].texts == std::vector<std::string>{"a b"});
  REQUIRE(rule.unless.size() == 2);
  CHECK(rule.unless[1].hosts[0].kind == HostPattern::Kind::both);

  CHECK(only_rule(with_rule("deny host *.Ex\xc3\xa4mple.org")).conditions[0].hosts[0].text ==
        "xn--exmple-cua.org");
  CHECK(only_rule(with_rule("cache no host a.b")).action == ActionKind::cache_no);
  CHECK(only_rule(with_rule("report all")).action == ActionKind::report);
  const RuleDecl redirect = only_rule(with_rule("redirect https://x/ 307 host a.b"));
  CHECK(redirect.url == "https://x/");
  CHECK(redirect.status == 307);
  CHECK(redirect.conditions.size() == 1);
  const RuleDecl respond = only_rule(with_rule("respond 200 \"hi\" path /x"));
  CHECK(respond.respond.body == "hi");
  CHECK(respond.respond.content_type == "text/plain; charset=utf-8");
  CHECK(respond.conditions.size() == 1);
}

TEST_CASE("C1 words: quotes, escapes, joins, environment") {
  ::setenv("WEIR_TEST_WORD", "two words", 1);
  const auto config = clean("site s {\n listen \\\n 127.0.0.1:1\n"
                            " route /a { respond 200 \"x\\\"\\\\\\t\\.${WEIR_TEST_WORD}\" }\n"
                            " route /b { respond 200 \"\\${HOME}\" } ; }; via c#d"
                            " # the end\n");
  CHECK(config->sites[0].routes[0].respond.body == "x\"\\\t\\.two words");
  CHECK(config->sites[0].routes[1].respond.body == "${HOME}");
  CHECK(config->via == "c#d");
  ::unsetenv("WEIR_TEST_WORD");
}

TEST_CASE("C1 include reads files in sorted order, from the folder of its file") {
  const Folder folder;
  folder.put("conf.d/b.conf", "via b\nforward f { include ../rules.inc }");
  folder.put("conf.d/a.conf", "pool p { server h:1 }");
  folder.put("rules.inc", "listen 127.0.0.1:1");
  const std::string name = folder.put("weir.conf", "include conf.d/*.conf\ninclude none.d/*\n");
  const Loaded loaded = load_file(name);
  REQUIRE(loaded.config);
  CHECK(loaded.config->files == std::vector{name, folder.path("conf.d/a.conf"),
                                            folder.path("conf.d/b.conf"),
                                            folder.path("conf.d/../rules.inc")});
  CHECK(loaded.config->where(loaded.config->forwards[0].listens[0].at) ==
        folder.path("conf.d/../rules.inc") + ":1");
}

TEST_CASE("C10 show tells every value with the place that says so") {
  const auto config = clean("retry 2\nforward f { listen 127.0.0.1:1; retry 3; body-timeout 9s }");
  const std::vector<ShowLine> written = show(*config, false);
  const auto line = [](const std::vector<ShowLine>& lines, std::string_view block,
                       std::string_view word) {
    for (const ShowLine& each : lines) {
      if (each.block == block && each.word == word) {
        return each.value + " " + each.where;
      }
    }
    return std::string("none");
  };
  CHECK(line(written, "", "retry") == "2 t:1");
  CHECK(line(written, "forward f", "retry") == "3 t:2");
  CHECK(line(written, "forward f", "header-timeout") == "none");
  const std::vector<ShowLine> effective = show(*config, true);
  CHECK(line(effective, "forward f", "header-timeout") == "10s default");
  CHECK(line(effective, "forward f", "connect") == "443 default");
  CHECK(line(effective, "forward f", "rule") == "deny all default");
  CHECK(line(effective, "dns", "timeout") == "5s default");
  CHECK(line(effective, "log", "keep") == "30d default");
  CHECK(print(written).find("    retry         3            t:2\n") != std::string::npos);
}

TEST_CASE("the README's configuration is clean") {
  const Folder folder;
  folder.put("ads.txt", "ads.example\n");
  const std::string name = folder.put("weir.conf", R"(
    list ads { file ads.txt }                       # one domain a line
    cache main { memory 256MB;  disk var/cache 2GB }
    log { sqlite var/log };  admin { socket var/admin.sock };  state var/state
    forward lan {
        listen 127.0.0.1:3128
        cache main
        rules { deny list ads;  allow client 127.0.0.0/8 }
    }
    pool app { server 127.0.0.1:8090 }
    site www.example.com {
        listen 127.0.0.1:8080
        route /old/ { respond 410 "This page is gone." }
        route /     { cache main;  pool app }
    }
)");
  const Loaded loaded = load_file(name);
  CHECK(print(loaded.diagnostics) == "");
}

TEST_CASE("l4: listeners of UDP, on the ports of TCP too, and what is theirs") {
  const auto config = clean(R"(
udp-sessions 5000
udp-idle-timeout 2min
pool p { server h:1; check connect }
l4 dns {
    listen 127.0.0.1:53 [::1]:53
    listen 127.0.0.1:53 [::1]:53 udp
    pool p
    udp-answers 1
    rules { deny client 192.0.2.0/24 }
}
l4 log { listen 127.0.0.1:514 udp; pool p; udp-idle-timeout 10s }
)");
  CHECK(config->options.udp_sessions == 5000);
  const L4Decl& dns = config->l4s[0];
  REQUIRE(dns.listens.size() == 4);
  CHECK(dns.listens[1].protocol == weir::IpProtocol::tcp);
  CHECK(dns.listens[2].protocol == weir::IpProtocol::udp);
  CHECK(dns.listens[3].protocol == weir::IpProtocol::udp);
  CHECK((dns.options.udp_idle_timeout == 2min && dns.options.udp_answers == 1));
  CHECK(config->l4s[1].options.udp_idle_timeout == 10s);
  CHECK(config->l4s[1].options.udp_answers == 0);
}

TEST_CASE("l4: listeners, pools by host, rules, times") {
  const auto config = clean(R"(
l4 db { listen 127.0.0.1:5432 proxy-protocol 10.0.0.0/8;  pool pg;  proxy-protocol v2 }
pool pg { server h:1 }
pool web { server h:2 }
tunnel-idle-timeout 5min
l4 names {
    listen 127.0.0.1:443 [::1]:443
    tunnel-lifetime 1h
    sni a.example .B.example pool web
    sni *.c.example pool pg
    rules { deny sni ads.example client 192.0.2.0/24; report client loopback }
}
)");
  REQUIRE(config->l4s.size() == 2);
  const L4Decl& db = config->l4s[0];
  CHECK(db.name == "db");
  CHECK(config->pools[db.pool.index].name == "pg");
  CHECK(db.send_proxy == SendProxy::v2);
  CHECK(db.listens[0].proxy_protocol.size() == 1);
  CHECK(db.options.tunnel_idle_timeout == 5min);
  const L4Decl& names = config->l4s[1];
  CHECK_FALSE(names.pool);
  CHECK(names.send_proxy == SendProxy::no);
  CHECK(names.listens.size() == 2);
  CHECK(names.options.tunnel_lifetime == 1h);
  REQUIRE(names.snis.size() == 2);
  REQUIRE(names.snis[0].names.size() == 2);
  CHECK(names.snis[0].names[1].kind == HostPattern::Kind::both);
  CHECK(names.snis[0].names[1].text == "b.example");
  CHECK(config->pools[names.snis[0].pool.index].name == "web");
  CHECK(config->pools[names.snis[1].pool.index].name == "pg");
  REQUIRE(names.rules.size() == 2);
  CHECK(names.rules[0].conditions[0].kind == ConditionKind::sni);
}
