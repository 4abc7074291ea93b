// SPDX-License-Identifier: Apache-2.0
//
// explain, routes, list lookup: asked of the generation in force.
#include "admin/explain.h"
#include "admin/local_answers.h"
#include "admin/stored.h"
#include "admin/verbs.h"
#include "proxy/cache_use.h"
#include "proxy/generation.h"

namespace weir::admin {
namespace {

/// Without a generation there is an answer already.
std::shared_ptr<const proxy::Generation> in_force(const Ask& ask) {
  auto generation = ask.daemon.generation();
  if (!generation) {
    ask.answer(failure(Exit::failed, "no configuration is in force"));
  }
  return generation;
}

Json pool_json(const origin::Pool& pool) {
  Json servers = Json::array();
  for (const origin::Pool::Server& each : pool.servers()) {
    Json one;
    one["server"] = each.label;
    one["in_use"] = each.state->in_use();
    one["requests"] = each.state->requests();
    one["failures"] = each.state->failures();
    one["health"] = pool.is_checked() ? name(each.state->health().state()) : std::string_view{};
    servers.push_back(std::move(one));
  }
  Json out;
  out["name"] = pool.name();
  out["servers"] = std::move(servers);
  return out;
}

/// What the cache has and who would be asked.
void add_details(const proxy::Generation& generation, const Admitted& admitted, Json& way) {
  const auto& [route, verdict, facts, request] = admitted;
  if (route.cache && request.method != http::Method::connect) {
    cache::Tier& tier = *generation.caches[*route.cache];
    cache::KeyParts parts = proxy::key_parts(tier, route, facts, request.uri.path_query);
    Arena arena;
    cache::Key key = generation.policy(route).make_key(parts, &request.fields, tier.secret, arena);
    way["key"] = cache::key_url(key.bytes);
    way["stored"] = stored_json(tier, key);
  }
  if (route.pool) {
    way["pool"] = pool_json(*generation.pools[*route.pool]);
  }
}

} // namespace

/// Reads the disk tier: on a background thread.
void explain(const Ask& ask) {
  auto generation = in_force(ask);
  if (!generation) {
    return;
  }
  bool taken = ask.daemon.background().submit(
      [reply = ask.reply, generation, what = explain_ask(ask.arguments), now = Clock::wall()] {
        Clock::tick();
        Details details = [&generation](const Admitted& admitted, Json& way) {
          add_details(*generation, admitted, way);
        };
        reply->set(explain_answer(what, *generation->config, *generation->routes, generation->users,
                                  now, details));
      });
  if (!taken) {
    ask.answer(failure(Exit::failed, "too much is being done at the moment: try again"));
  }
}

void routes(const Ask& ask) {
  if (auto generation = in_force(ask)) {
    ask.answer(routes_answer(*generation->routes, ask.text("site")));
  }
}

void list_lookup(const Ask& ask) {
  if (auto generation = in_force(ask)) {
    ask.answer(lookup_answer(generation->lists, ask.text("what")));
  }
}

} // namespace weir::admin
