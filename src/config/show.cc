// SPDX-License-Identifier: Apache-2.0
//
// What is in force, a value a line, each with the place that says so.
#include <algorithm>

#include <fmt/format.h>

#include "config/load.h"
#include "config/values.h"

namespace weir::config {
namespace {

template <class T, class Write> std::string join(const std::vector<T>& list, Write write) {
  std::string out;
  for (const T& each : list) {
    out += (out.empty() ? "" : " ") + write(each);
  }
  return out;
}

std::string path_text(const PathPattern& path) {
  return path.kind == PathPattern::Kind::regex ? "~ " + path.text : path.text;
}

std::string tls_text(const ListenDecl& listen) {
  std::string text = listen.tls ? " tls" : "";
  for (const CertDecl& each : listen.certs) {
    text += " cert " + each.cert + (each.key.empty() ? "" : " key " + each.key);
  }
  if (listen.ask_cert != AskCert::none) {
    text +=
        listen.ask_cert == AskCert::required ? " client-cert required " : " client-cert optional ";
    text += listen.client_ca;
  }
  text += listen.http1 ? " http1" : "";
  text += listen.http2 ? " http2" : "";
  return text + (listen.redirect_https ? " redirect https" : "");
}

std::string send_proxy_text(SendProxy which, std::string_view none) {
  return std::string(which == SendProxy::v1 ? "v1" : which == SendProxy::v2 ? "v2" : none);
}

/// The lines of one configuration, in the order of the file's blocks.
class Shower {
public:
  Shower(const Config& config, bool effective) : config_(config), effective_(effective) {}

  std::vector<ShowLine> run() {
    top();
    log();
    admin();
    dns();
    declarations();
    for (const ForwardDecl& each : config_.forwards) {
      forward(each);
    }
    for (const SiteDecl& each : config_.sites) {
      site(each);
    }
    for (const L4Decl& each : config_.l4s) {
      l4(each);
    }
    return std::move(lines_);
  }

private:
  /// A value that is written, or a default where all are wanted.
  void add(const std::string& word, const std::string& value, const Position& at) {
    if (at.written() || effective_) {
      lines_.push_back({block_, word, value, config_.where(at)});
    }
  }

  /// The scalar rows of `place`; without `effective` those that the block itself says.
  void options(Flags place, const Options& options, const Options& outer) {
    for (const Row& row : rows()) {
      if (row.type == Type::words || !row.stands_in(place)) {
        continue;
      }
      const Position& at = options.written_at(row.scalar);
      if (effective_ || (at.written() && !(at == outer.written_at(row.scalar)))) {
        lines_.push_back({block_, row.word(), get_option(options, row), config_.where(at)});
      }
    }
  }

  void top() {
    block_.clear();
    options(flag::TOP, config_.options, default_options());
    add("state", config_.state, config_.state_at);
    add("user",
        config_.user.empty() ? "weir"
                             : config_.user + (config_.group.empty() ? "" : " " + config_.group),
        config_.user_at);
    add("via", config_.via.empty() ? "auto" : config_.via, config_.via_at);
    for (const PageDecl& page : config_.pages) {
      add("page", page.name + (page.file.empty() ? " (built in)" : " @" + page.file), page.at);
    }
  }

  void log() {
    constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};
    const LogDecl& log = config_.log;
    block_ = "log";
    add("sqlite", log.sqlite.empty() ? "none" : log.sqlite, log.sqlite_at);
    options(flag::LOG, log.options, config_.options);
    add("json", log.json.empty() ? "none" : log.json, log.json_at);
    add("errors",
        fmt::format("{} {}", log.errors.empty() ? "stderr" : log.errors,
                    kLevels[static_cast<std::size_t>(log.level)]),
        log.errors_at);
  }

  void admin() {
    const AdminDecl& admin = config_.admin;
    block_ = "admin";
    add("socket", admin.socket.empty() ? "none" : admin.socket, admin.socket_at);
    if (!admin.socket.empty()) {
      add("mode", fmt::format("{:04o}", admin.mode), admin.mode_at);
      add("group", admin.group.empty() ? "none" : admin.group, admin.group_at);
    }
    add("http", admin.http ? admin.http->to_string() : "none", admin.http_at);
    if (admin.http) {
      add("token", admin.token_file.empty() ? "none" : "@" + admin.token_file, admin.token_at);
    }
  }

  void dns() {
    const DnsDecl& dns = config_.dns;
    block_ = "dns";
    const Position& at = dns.servers.empty() ? Position() : dns.servers_at;
    add("server",
        dns.servers.empty()
            ? "resolv.conf"
            : join(dns.servers, [](const Address& each) { return each.to_string(); }),
        at);
    add("prefer", dns.prefer == Prefer::ipv6 ? "ipv6" : "ipv4", dns.prefer_at);
    options(flag::DNS, dns.options, config_.options);
  }

  void declarations() {
    for (const CacheDecl& cache : config_.caches) {
      block_ = "cache " + cache.name + (cache.shared ? " shared" : "");
      add("memory",
          fmt::format("{} object-max {}", write_bytes(cache.memory),
                      write_bytes(cache.memory_object_max)),
          cache.memory_at);
      add("disk",
          cache.disk_path.empty()
              ? "none"
              : fmt::format("{} {} object-max {} admit-frequent {}", cache.disk_path,
                            write_bytes(cache.disk_size), write_bytes(cache.disk_object_max),
                            cache.disk_admit_frequent ? "yes" : "no"),
          cache.disk_at);
      compress(cache.compress);
      options(flag::CACHE, cache.options, config_.options);
    }
    for (const ListDecl& list : config_.lists) {
      constexpr std::string_view kFormats[] = {"plain", "hosts", "cidr"};
      block_ = "list " + list.name;
      for (const std::string& file : list.files) {
        add("file", file, list.at);
      }
      add("format", std::string(kFormats[static_cast<std::size_t>(list.format)]), list.at);
      add("shrink-guard", list.shrink_guard == 0 ? "none" : std::to_string(list.shrink_guard) + "%",
          list.at);
    }
    for (const UsersDecl& users : config_.users) {
      block_ = "users " + users.name;
      add("file", users.file, users.file_at);
      options(flag::USERS, users.options, config_.options);
    }
    for (const WhenDecl& when : config_.whens) {
      block_ = "when " + when.name;
      for (const TimeSlot& slot : when.slots) {
        add("time", write_slot(slot), when.at);
      }
      add("zone", when.zone.empty() ? "the machine's" : when.zone, when.at);
    }
    limits();
    for (const PoolDecl& pool : config_.pools) {
      block_ = "pool " + pool.name;
      for (const ServerDecl& server : pool.servers) {
        const bool v6 = server.host.find(':') != std::string::npos;
        add("server",
            fmt::format("{}{}{}:{} weight {}", v6 ? "[" : "", server.host, v6 ? "]" : "",
                        server.port, server.weight),
            server.at);
      }
      add("balance", "round-robin", pool.balance_at);
      add("http2", pool.http2 ? "yes" : "no", pool.http2_at);
      add("proxy-protocol", send_proxy_text(pool.send_proxy, "none"), pool.send_proxy_at);
      add("check", write_check(pool.check), pool.check.at);
      options(flag::POOL, pool.options, config_.options);
    }
  }

  void limits() {
    for (const LimitDecl& limit : config_.limits) {
      block_ = "limit " + limit.name;
      add("key", write_limit_key(limit), limit.key_at);
      if (limit.count != 0) {
        add("rate", write_limit_rate(limit), limit.rate_at);
        add("burst", std::to_string(limit.burst), limit.at);
      }
      if (limit.bandwidth != 0) {
        add("bandwidth", write_limit_bandwidth(limit), limit.bandwidth_at);
      }
      if (limit.quota != 0) {
        add("quota", write_limit_quota(limit), limit.quota_at);
      }
    }
  }

  void listens(const std::vector<ListenDecl>& list) {
    for (const ListenDecl& listen : list) {
      const auto senders = [](const char* word, const std::vector<Prefix>& from) {
        const std::string text = join(from, [](const Prefix& each) { return each.to_string(); });
        return text.empty() ? text : word + text;
      };
      add("listen",
          listen.address.to_string() + tls_text(listen) + senders(" trust ", listen.trust) +
              senders(" proxy-protocol ", listen.proxy_protocol) +
              (listen.protocol == IpProtocol::udp ? " udp" : ""),
          listen.at);
    }
  }

  void rules(const std::vector<RuleDecl>& list, std::string_view otherwise) {
    for (const RuleDecl& rule : list) {
      add("rule", rule.text, rule.at);
    }
    add("rule", fmt::format("{} all", otherwise), {});
  }

  void auth(const AuthDecl& decl) {
    add("auth",
        !decl ? "none"
              : fmt::format("basic from {} realm \"{}\"{}", decl.users.name, decl.realm,
                            decl.pass ? " pass" : ""),
        decl.at);
  }

  void cache(const NameRef& name) { add("cache", name ? name.name : "none", name.at); }

  void names(const char* word, const std::vector<std::string>& list, const Position& at) {
    add(word, list.empty() ? "none" : join(list, [](const std::string& each) { return each; }), at);
  }

  void use(const CacheUseDecl& use) {
    constexpr std::string_view kQuery[] = {"all", "none", "sort", "only", "drop"};
    add("ignore", write_ignored(use.ignored), use.ignore_at);
    add("ttl-status",
        use.status_ttls.empty() ? "none"
                                : join(use.status_ttls,
                                       [](const StatusTtl& each) {
                                         return fmt::format("{}-{} {}", each.first, each.last,
                                                            write_duration(each.ttl));
                                       }),
        use.status_at);
    names("tags", use.tag_fields, use.tags_at);
    names("targeted-fields", use.targeted, use.targeted_at);
    std::string query(kQuery[static_cast<std::size_t>(use.query)]);
    for (const std::string& name : use.query_names) {
      query += " " + name;
    }
    add("key-query", query, use.query_at);
    names("key-cookie", use.key_cookies, use.cookies_at);
    names("key-header", use.key_headers, use.headers_at);
    add("key-host", use.key_host.empty() ? "as asked" : use.key_host, use.host_at);
  }

  void compress(const CompressDecl& decl) {
    std::string text;
    for (http::Coding coding : decl.codings) {
      text += std::string(http::name(coding)) + " ";
    }
    text += "min " + write_bytes(decl.min) + " types";
    for (const std::string& type : decl.types) {
      text += " " + type;
    }
    add("compress", decl.codings.empty() ? "none" : text, decl.at);
  }

  void forward(const ForwardDecl& forward) {
    block_ = "forward " + forward.name;
    listens(forward.listens);
    auth(forward.auth);
    add("connect", join(forward.connect, write_ports), forward.connect_at);
    const std::string except =
        join(forward.private_except, [](const Prefix& each) { return each.to_string(); });
    add("private",
        std::string(forward.private_deny ? "deny" : "allow") +
            (except.empty() ? "" : " except " + except),
        forward.private_at);
    cache(forward.cache);
    use(forward.use);
    compress(forward.compress);
    options(flag::FORWARD, forward.options, config_.options);
    rules(forward.rules, "deny");
  }

  void site(const SiteDecl& site) {
    const std::string name = "site " + join(site.names, write_host);
    block_ = name;
    listens(site.listens);
    auth(site.auth);
    cache(site.cache);
    use(site.use);
    compress(site.compress);
    options(flag::SITE, site.options, config_.options);
    rules(site.rules, "allow");
    for (const RouteDecl& route : site.routes) {
      block_ = name + " route " + path_text(route.path);
      answer(route);
      if (effective_ || !(route.auth.at == site.auth.at)) {
        auth(route.auth);
      }
      for (const RuleDecl& rule : route.limits) {
        add("limit", rule.limit.name, rule.at);
      }
      cache(route.cache);
      use(route.use);
      compress(route.compress);
      options(flag::ROUTE, route.options, site.options);
      for (const RuleDecl& rule : route.rules) {
        add("rule", rule.text, rule.at);
      }
    }
  }

  void l4(const L4Decl& l4) {
    block_ = "l4 " + l4.name;
    listens(l4.listens);
    add("pool", l4.pool ? l4.pool.name : "none", l4.pool.at);
    for (const SniDecl& sni : l4.snis) {
      add("sni", fmt::format("{} pool {}", join(sni.names, write_host), sni.pool.name), sni.at);
    }
    add("proxy-protocol", send_proxy_text(l4.send_proxy, "as the pool"), l4.send_proxy_at);
    options(flag::L4, l4.options, config_.options);
    rules(l4.rules, "allow");
  }

  void answer(const RouteDecl& route) {
    switch (route.answer) {
    case RouteAnswer::pool:
      return add("pool", route.pool.name, route.pool.at);
    case RouteAnswer::respond:
      return add("respond",
                 fmt::format("{}{}{}", route.respond.status, route.respond.file.empty() ? "" : " @",
                             route.respond.file),
                 route.at);
    case RouteAnswer::redirect:
      return add("redirect", fmt::format("{} {}", route.redirect_url, route.redirect_status),
                 route.at);
    }
  }

  const Config& config_;
  bool effective_;
  std::string block_;
  std::vector<ShowLine> lines_;
};

} // namespace

std::vector<ShowLine> show(const Config& config, bool effective) {
  return Shower(config, effective).run();
}

std::string print(const std::vector<ShowLine>& lines) {
  constexpr std::size_t kWidest = 48; // a longer value moves only its own place
  std::size_t words = 0;
  std::size_t values = 0;
  for (const ShowLine& line : lines) {
    words = std::max(words, line.word.size());
    values = std::max(values, std::min(line.value.size(), kWidest));
  }
  std::string out;
  std::string_view block;
  for (const ShowLine& line : lines) {
    if (line.block != block) {
      out += fmt::format("{}{}\n", out.empty() ? "" : "\n", line.block);
      block = line.block;
    }
    out += fmt::format("{}{:<{}}  {:<{}}  {}\n", block.empty() ? "" : "    ", line.word, words,
                       line.value, values, line.where);
  }
  return out;
}

} // namespace weir::config
