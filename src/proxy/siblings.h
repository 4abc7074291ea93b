// SPDX-License-Identifier: Apache-2.0
//
// Siblings: bodies of stored responses in other codings, kept beside them, so that a hot one is
// coded once and not for each client (DESIGN §6.4), nor again after a restart (coded_copy.h).
// compress.h says which coding a client gets.
#pragma once

#include "cache/tier.h"
#include "event/background.h"
#include "proxy/compress.h"

namespace weir::proxy {

/// The one of a stored 200 that answers this request; null: none does. What plan_coding() would
/// say, without the head read again.
const cache::Sibling* choose_sibling(const config::CompressDecl& rule,
                                     const http::RequestHead& request, const cache::Entry& entry);

/// A hit in this coding, which had to be made for it: of an entry that is hot, the next ones find
/// it made. It goes on in `work` and may come to nothing (a full queue, a newer entry). `tier`
/// outlives the pool.
void make_sibling(event::BackgroundPool& work, cache::Tier& tier, Ref<const cache::Entry> entry,
                  http::Coding coding);

/// The siblings of `stored` under another head of the same body (a 304's); null where that head
/// says that its body is not to be coded.
Ref<const cache::Sibling> with_head(const cache::Entry& stored, std::string_view head);

} // namespace weir::proxy
