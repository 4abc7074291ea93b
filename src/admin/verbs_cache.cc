// SPDX-License-Identifier: Apache-2.0
//
// cache get, show, ls, top, verify; purge, purge log.
#include <set>

#include <fmt/format.h>

#include "admin/lookup.h"
#include "admin/stored.h"
#include "admin/stored_filter.h"
#include "admin/stored_list.h"
#include "admin/verbs.h"
#include "proxy/generation.h"

namespace weir::admin {
namespace {

constexpr std::size_t kMostListed = 100'000;

/// A URL in the parts of a key, which outlive its text.
struct Url {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;
  std::string target;
};

/// Without one there is an answer already.
std::optional<Url> read_url(const Ask& ask, const std::string& text) {
  Arena arena;
  auto url = parse_url(text, arena);
  if (!url || url->form != http::Target::Form::absolute) {
    ask.answer(
        failure(Exit::usage, fmt::format("'{}' is not a URL: write http://HOST/PATH", text)));
    return std::nullopt;
  }
  return Url{std::string(http::name(url->scheme)), std::string(url->host),
             url->port_or_default(http::Scheme::http), std::string(url->path_query)};
}

/// Without one there is an answer already.
std::shared_ptr<const StoredFilter> read_where(const Ask& ask, const std::string& text) {
  log::FilterError why;
  auto filter = StoredFilter::parse(text, why);
  if (!filter) {
    ask.answer(
        failure(Exit::usage, fmt::format("{}\n  {}\n  {:>{}}", why.text, text, "^", why.at + 1)));
  }
  return filter;
}

Answer show(const proxy::Generation& generation, const Url& url) {
  Json variants = Json::array();
  std::set<std::pair<std::uint32_t, std::string>> seen; // several routes make the same key
  for (const rules::Route& route : generation.routes->routes()) {
    if (!route.cache) {
      continue;
    }
    cache::Tier& tier = *generation.caches[*route.cache];
    std::string_view realm = tier.shared ? std::string_view{} : route.place;
    cache::KeyParts parts{realm, url.scheme, url.host, url.port, url.target};
    parts.extra = {&route.login, static_cast<std::size_t>(!route.login.empty())};
    Arena arena;
    cache::Key key = generation.policy(route).make_key(parts, nullptr, tier.secret, arena);
    if (!seen.emplace(*route.cache, key.bytes).second) {
      continue;
    }
    for (Json& each : stored_json(tier, key)) {
      Json one;
      one["cache"] = tier.name;
      one["place"] = std::string(realm);
      one.update(each);
      variants.push_back(std::move(one));
    }
  }
  if (variants.empty()) {
    return failure(Exit::failed, fmt::format("nothing is stored for {}://{}{}", url.scheme,
                                             url.host, url.target));
  }
  Json body;
  body["variants"] = std::move(variants);
  return success(std::move(body));
}

bool is_place(const proxy::Generation& generation, std::string_view name) {
  const auto& routes = generation.routes->routes();
  return std::any_of(routes.begin(), routes.end(), [name](const rules::Route& each) {
    return each.l4 == nullptr && each.place == name;
  });
}

/// On a thread that may block.
using Work = std::function<Answer(const proxy::Generation& generation, const Ending& ending)>;
void in_background(const Ask& ask, Work work) {
  auto generation = ask.daemon.generation();
  if (!generation) {
    return ask.answer(failure(Exit::failed, "no configuration is in force"));
  }
  event::BackgroundPool& pool = ask.daemon.background();
  bool taken = pool.submit([reply = ask.reply, generation, work = std::move(work), &pool] {
    Clock::tick();
    reply->set(work(*generation, [&pool] { return pool.stopping(); }));
  });
  if (!taken) {
    ask.answer(failure(Exit::failed, "too much is being done at the moment: try again"));
  }
}

void list(const Ask& ask, StoredOrder usual, std::size_t limit) {
  StoredAsk what;
  what.order = usual;
  what.limit = limit;
  if (std::string order = ask.text("by"); !order.empty()) {
    auto found = find_stored_order(order);
    if (!found) {
      return ask.answer(
          failure(Exit::usage, fmt::format("--by {}: it is one of {}", order, stored_orders())));
    }
    what.order = *found;
  }
  if (std::string text = ask.text("limit"); !text.empty()) {
    auto number = http::parse_decimal(text);
    if (!number || *number > kMostListed) {
      return ask.answer(failure(
          Exit::usage, fmt::format("--limit {}: it is a number up to {}", text, kMostListed)));
    }
    what.limit = *number;
  }
  what.where = read_where(ask, ask.text("where"));
  if (what.where) {
    in_background(ask, [what](const proxy::Generation& generation, const Ending& ending) {
      return list_stored(generation, what, ending);
    });
  }
}

} // namespace

void cache_get(const Ask& ask) {
  ExplainAsk what = explain_ask(ask.arguments);
  in_background(ask, [what](const proxy::Generation& generation, const Ending&) {
    return get_answer(generation, what);
  });
}

void cache_show(const Ask& ask) {
  auto url = read_url(ask, ask.text("url"));
  if (url) {
    in_background(ask, [url = std::move(*url)](const proxy::Generation& generation, const Ending&) {
      return show(generation, url);
    });
  }
}

void cache_ls(const Ask& ask) { list(ask, StoredOrder::url, 100); }

void cache_top(const Ask& ask) { list(ask, StoredOrder::hits, 20); }

void cache_verify(const Ask& ask) { in_background(ask, verify_stored); }

namespace {

/// "http://host/path*": everything that begins so.
bool is_url(std::string_view what) {
  return what.starts_with("http://") || what.starts_with("https://");
}

/// Without one there is an answer already.
std::optional<PurgeAsk> read_purge(const Ask& ask) {
  PurgeAsk what;
  what.text = ask.text("url");
  what.realm = ask.text("place");
  what.hard = ask.flag("hard");
  what.dry_run = ask.flag("dry_run");
  what.wait = ask.flag("wait");
  if (is_url(what.text)) {
    bool prefix = what.text.ends_with('*');
    auto url = read_url(ask, prefix ? what.text.substr(0, what.text.size() - 1) : what.text);
    if (!url) {
      return std::nullopt;
    }
    what.what = prefix ? PurgeAsk::What::prefix : PurgeAsk::What::url;
    what.scheme = std::move(url->scheme);
    what.host = std::move(url->host);
    what.port = url->port;
    what.target = std::move(url->target);
    return what;
  }
  auto filter = read_where(ask, what.text);
  if (!filter) {
    return std::nullopt;
  }
  what.what = PurgeAsk::What::filter;
  what.name = what.text;
  if (auto single = filter->single_name()) {
    what.what = single->kind == cache::MarkKind::tag ? PurgeAsk::What::tag : PurgeAsk::What::host;
    what.name = std::move(single->text);
  }
  return what;
}

} // namespace

void purge(const Ask& ask) {
  auto what = read_purge(ask);
  if (!what) {
    return;
  }
  auto generation = ask.daemon.generation();
  if (!what->realm.empty() && (!generation || !is_place(*generation, what->realm))) {
    return ask.answer(
        failure(Exit::usage, fmt::format("there is no forward and no site '{}'", what->realm)));
  }
  bool dry_run = what->dry_run;
  bool hard = what->hard;
  ask.daemon.purge(*what, [reply = ask.reply, dry_run, hard](const PurgeOutcome& outcome) {
    Answer answer;
    if (!outcome.error.empty()) {
      answer = failure(Exit::failed, dry_run ? outcome.error
                                             : fmt::format("carried out, but a restart may forget "
                                                           "it: {}",
                                                           outcome.error));
    }
    if (outcome.counted) {
      answer.body["dropped"] = outcome.dropped;
      answer.body["bytes"] = outcome.bytes;
    }
    answer.body["number"] = outcome.number;
    answer.body["dry_run"] = dry_run;
    answer.body["hard"] = hard;
    reply->set(std::move(answer));
  });
}

void purge_log(const Ask& ask) {
  Json all = Json::array();
  for (const PurgeFacts& each : ask.daemon.purges()) {
    Json one;
    one["number"] = each.number;
    one["time"] = time_text(each.at);
    one["what"] = each.text;
    one["place"] = each.realm;
    one["hard"] = each.hard;
    one["done"] = each.done;
    one["seen"] = each.seen;
    one["total"] = each.total;
    one["matched"] = each.matched;
    one["bytes"] = each.bytes;
    all.push_back(std::move(one));
  }
  Json body;
  body["purges"] = std::move(all);
  ask.answer(success(std::move(body)));
}

} // namespace weir::admin
