// SPDX-License-Identifier: Apache-2.0
//
// cache show, purge.
#include <fmt/format.h>

#include "admin/explain.h"
#include "admin/stored.h"
#include "admin/verbs.h"
#include "proxy/generation.h"

namespace weir::admin {
namespace {

/// A URL in the parts of a key, which outlive its text.
struct Url {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;
  std::string target;
};

/// Without one there is an answer already.
std::optional<Url> read_url(const Ask& ask) {
  Arena arena;
  auto url = parse_url(ask.text("url"), arena);
  if (!url || url->form != http::Target::Form::absolute) {
    ask.answer(failure(Exit::usage,
                       fmt::format("'{}' is not a URL: write http://HOST/PATH", ask.text("url"))));
    return std::nullopt;
  }
  return Url{std::string(http::name(url->scheme)), std::string(url->host),
             url->port_or_default(http::Scheme::http), std::string(url->path_query)};
}

/// A cache with one realm in it.
struct Shelf {
  std::uint32_t cache = 0;
  std::string_view realm; // empty: shared
  friend bool operator==(const Shelf&, const Shelf&) = default;
};

std::vector<Shelf> all_shelves(const proxy::Generation& generation) {
  std::vector<Shelf> all;
  for (const rules::Route& route : generation.routes->routes()) {
    if (!route.cache) {
      continue;
    }
    bool shared = generation.caches[*route.cache]->shared;
    Shelf shelf{*route.cache, shared ? std::string_view{} : route.place};
    if (std::find(all.begin(), all.end(), shelf) == all.end()) {
      all.push_back(shelf);
    }
  }
  return all;
}

Answer show(const proxy::Generation& generation, const Url& url) {
  Json variants = Json::array();
  for (const Shelf& shelf : all_shelves(generation)) {
    cache::Tier& tier = *generation.caches[shelf.cache];
    cache::KeyParts parts{shelf.realm, url.scheme, url.host, url.port, url.target};
    for (Json& each : stored_json(tier, parts)) {
      Json one;
      one["cache"] = tier.name;
      one["place"] = std::string(shelf.realm);
      one.update(each);
      variants.push_back(std::move(one));
    }
  }
  if (variants.empty()) {
    bool own = url.port == (url.scheme == "https" ? 443 : 80);
    return failure(Exit::failed,
                   fmt::format("nothing is stored for {}://{}{}{}", url.scheme, url.host,
                               own ? "" : fmt::format(":{}", url.port), url.target));
  }
  Json body;
  body["variants"] = std::move(variants);
  return success(std::move(body));
}

bool is_place(const proxy::Generation& generation, std::string_view name) {
  const auto& routes = generation.routes->routes();
  return std::any_of(routes.begin(), routes.end(),
                     [name](const rules::Route& each) { return each.place == name; });
}

} // namespace

void cache_show(const Ask& ask) {
  auto url = read_url(ask);
  auto generation = ask.daemon.generation();
  if (!url || !generation) {
    return url ? ask.answer(failure(Exit::failed, "no configuration is in force")) : void();
  }
  bool taken = ask.daemon.background().submit(
      [reply = ask.reply, generation = std::move(generation), url = std::move(*url)] {
        Clock::tick();
        reply->set(show(*generation, url));
      });
  if (!taken) {
    ask.answer(failure(Exit::failed, "too much is being done at the moment: try again"));
  }
}

void purge(const Ask& ask) {
  auto url = read_url(ask);
  if (!url) {
    return;
  }
  PurgeAsk what{std::move(url->scheme), std::move(url->host), url->port,
                std::move(url->target), ask.text("place"),    ask.flag("dry_run")};
  auto generation = ask.daemon.generation();
  if (!what.realm.empty() && (!generation || !is_place(*generation, what.realm))) {
    return ask.answer(
        failure(Exit::usage, fmt::format("there is no forward and no site '{}'", what.realm)));
  }
  bool dry_run = what.dry_run;
  ask.daemon.purge(what, [reply = ask.reply, dry_run](const PurgeOutcome& outcome) {
    Answer answer;
    if (!outcome.error.empty()) {
      answer = failure(Exit::failed,
                       fmt::format("carried out, but a restart may forget it: {}", outcome.error));
    }
    answer.body["dropped"] = outcome.dropped;
    answer.body["number"] = outcome.number;
    answer.body["dry_run"] = dry_run;
    reply->set(std::move(answer));
  });
}

} // namespace weir::admin
