// SPDX-License-Identifier: Apache-2.0
//
// How an origin's head becomes a FillHead: what is stored of it and why not, what goes to clients.
// Pure functions over a FetchPlan and a parsed head.
#pragma once

#include "cache/fill.h"
#include "proxy/fetch_plan.h"

namespace weir::proxy {

Ref<const cache::FillHead> make_fill_head(const FetchPlan& plan, const http::ResponseHead& head,
                                          const Address& origin, const std::string& server);
/// What a final head is to the Fetch that asked: one of the three.
struct FinalHead {
  Ref<const cache::FillHead> answer;
  Ref<const cache::Entry> revalidated; // by a 304; no body follows
  Error error;
  bool joins = false; // the body goes behind what plan.partial begins
};
FinalHead judge_head(const FetchPlan& plan, const http::ResponseHead& head, const Address& origin,
                     const std::string& server);
/// Whether a 206 is the rest of what plan.partial begins: the same octets by a strong tag, up to
/// the end, in a body whose length is known (C10.4).
bool completes(const FetchPlan& plan, const http::ResponseHead& head);
/// A 304 for plan.stale, or for the one of plan.others that its tag names (C6.7): the entry with
/// its fields updated, for this request; null: it is about something else (C8.6).
Ref<const cache::Entry> refresh(const FetchPlan& plan, const http::ResponseHead& update);
/// "HTTP/1.1 200 Connection established".
Ref<const cache::FillHead> tunnel_head();

} // namespace weir::proxy
