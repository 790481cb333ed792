#include "app/changelog/postgres_schema.hpp"

#include <iterator>

namespace fp {

namespace {

/// Tables.
///
/// A log is one table without partitions. Retention raises a lineage's floor in a transaction of its own, behind
/// which no reader looks; what lies below is then deleted, a batch at a time. That locks out nobody, whereas
/// partitions are dropped, and made, by locks that wait for every reader and make all others wait behind. Dead rows
/// cost nothing where nobody looks: a reader begins at the floor, a writer at the other end, and the sweep where it
/// has stopped.
constexpr char tables[] = R"(
create schema fpnode;
comment on schema fpnode is 'fpnode: the ordered log of changes that its nodes follow';

create table fpnode.schema_version(version integer not null, made_at timestamptz not null default now());

create table fpnode.meta(
  position bigint primary key,
  kind smallint not null check (kind in (0, 1)),
  name text not null,
  at timestamptz not null default now());
comment on table fpnode.meta is 'creates (0) and deletes (1) of indexes; the position of a create is the generation';

create table fpnode.lineage(
  generation bigint primary key,
  name text not null,
  floor bigint not null default 0,
  emptied bigint not null default 0,
  erased bigint,
  check (emptied between 0 and floor));
comment on column fpnode.lineage.floor is 'what lies up to here is no more, whether it is swept away yet or not';
comment on column fpnode.lineage.emptied is 'what lies up to here has been swept away';
comment on column fpnode.lineage.erased is 'the position of the delete; null while the index lives';
create unique index lineage_of_name on fpnode.lineage(name) where erased is null;
create index lineage_to_sweep on fpnode.lineage(generation) where erased is not null or emptied < floor;

create table fpnode.log(
  generation bigint not null,
  position bigint not null,
  tag bigint not null,
  document bigint,
  at timestamptz not null default now(),
  payload bytea not null,
  primary key (generation, position))
  with (vacuum_truncate = off, toast.vacuum_truncate = off);
comment on table fpnode.log is 'a change a row, as core/commit/changes.hpp encodes it; positions of a lineage have no holes';
comment on column fpnode.log.tag is 'random: a position that a failover has lost is not taken for what came instead';
comment on column fpnode.log.document is 'the document that is changed; null for metadata';
alter table fpnode.log alter payload set storage external;

create table fpnode.request(
  generation bigint not null,
  id uuid not null,
  last bigint not null,
  at timestamptz not null default now(),
  primary key (generation, id));
comment on table fpnode.request is 'appends of at least the last day: one that is sent again is the same one';
create index request_of_age on fpnode.request(at);
)";

/// Functions are volatile, so that each statement sees what had been committed when it began: the snapshot behind a
/// lock has what the lock waited for. A function that changes nothing, because what it was to do has been done,
/// writes a message to the log all the same: its answer then waits for the standby as the first one did. Advisory
/// locks, of a lineage (1718644324, its number) and of the meta feed (1718644325, 0), leave no dead rows, as a row
/// that counts would.
constexpr char functions[] = R"(
create function fpnode.newest(p_generation bigint, p_floor bigint) returns bigint language sql volatile as $$
  select greatest(p_floor, (select max(c.position) from fpnode.log c where c.generation = p_generation))
$$;

create function fpnode.append(p_generation bigint, p_name text, p_lock_timeout_ms bigint, p_seed bigint, p_ids uuid[],
    p_expected bigint[], p_sizes bigint[], p_owners bigint[], p_documents bigint[], p_payloads bytea[])
  returns table(outcome integer, at_position bigint) language plpgsql volatile as $$
declare
  v_floor bigint;
  v_begin bigint;
  v_newest bigint;
  v_known bigint[];
  v_last bigint[];
  v_taken boolean[];
  v_is_again boolean := false;
begin
  perform set_config('lock_timeout', p_lock_timeout_ms || 'ms', true);
  perform pg_advisory_xact_lock(1718644324, (p_generation % 2147483647)::integer);
  select l.floor into v_floor from fpnode.lineage l
    where l.generation = p_generation and l.name = p_name and l.erased is null;
  if not found then
    return query select 2, 0::bigint from generate_series(1, cardinality(p_ids));
    return;
  end if;
  v_begin := greatest(v_floor, (select max(c.position) from fpnode.log c where c.generation = p_generation));
  v_newest := v_begin;
  v_known := array(
    select coalesce(r.last, 0) from unnest(p_ids) with ordinality q(id, n)
    left join fpnode.request r on r.generation = p_generation and r.id = q.id order by q.n);
  for i in 1 .. cardinality(p_ids) loop
    v_taken[i] := false;
    outcome := 0;
    if v_known[i] > 0 then
      at_position := v_known[i];
      v_is_again := true;
    elsif p_expected[i] >= 0 and p_expected[i] <> v_newest then
      outcome := 1;
      at_position := v_newest;
    else
      v_newest := v_newest + p_sizes[i];
      v_taken[i] := true;
      at_position := v_newest;
    end if;
    v_last[i] := at_position;
    return next;
  end loop;
  if v_newest > v_begin then
    insert into fpnode.log(generation, position, tag, document, payload)
      select p_generation, v_begin + row_number() over (order by u.n), hashint8extended(u.n, p_seed), u.document, u.payload
      from unnest(p_owners, p_documents, p_payloads) with ordinality u(owner, document, payload, n)
      where v_taken[u.owner];
    insert into fpnode.request(generation, id, last)
      select p_generation, u.id, u.last from unnest(p_ids, v_last, v_taken) u(id, last, taken) where u.taken;
  elsif v_is_again then
    perform pg_logical_emit_message(true, 'fpnode', '');
  end if;
end $$;

create function fpnode.create_index(p_name text) returns bigint language plpgsql volatile as $$
declare
  v_generation bigint;
begin
  perform pg_advisory_xact_lock(1718644325, 0);
  select l.generation into v_generation from fpnode.lineage l where l.name = p_name and l.erased is null;
  if found then
    perform pg_logical_emit_message(true, 'fpnode', '');
    return v_generation;
  end if;
  v_generation := coalesce((select max(m.position) from fpnode.meta m), 0) + 1;
  insert into fpnode.meta(position, kind, name) values (v_generation, 0, p_name);
  insert into fpnode.lineage(generation, name) values (v_generation, p_name);
  return v_generation;
end $$;

create function fpnode.delete_index(p_name text) returns bigint language plpgsql volatile as $$
declare
  v_position bigint;
  v_generation bigint;
begin
  perform pg_advisory_xact_lock(1718644325, 0);
  v_position := coalesce((select max(m.position) from fpnode.meta m), 0);
  select l.generation into v_generation from fpnode.lineage l where l.name = p_name and l.erased is null;
  if not found then
    perform pg_logical_emit_message(true, 'fpnode', '');
    return v_position;
  end if;
  perform pg_advisory_xact_lock(1718644324, (v_generation % 2147483647)::integer);
  v_position := v_position + 1;
  insert into fpnode.meta(position, kind, name) values (v_position, 1, p_name);
  update fpnode.lineage l set erased = v_position, floor = fpnode.newest(l.generation, l.floor)
    where l.generation = v_generation;
  return v_position;
end $$;

create function fpnode.raise_floor(p_generation bigint, p_name text, p_floor bigint) returns bigint
  language sql volatile as $$
  update fpnode.lineage l set floor = greatest(l.floor, least(p_floor, fpnode.newest(l.generation, l.floor)))
    where l.generation = p_generation and l.name = p_name and l.erased is null returning l.floor
$$;

create function fpnode.sweep(p_rows bigint) returns boolean language plpgsql volatile as $$
declare
  v_lineage fpnode.lineage%rowtype;
  v_to bigint;
  v_requests bigint;
begin
  delete from fpnode.request r where r.ctid = any (array(
    select q.ctid from fpnode.request q where q.at < now() - interval '1 day' order by q.at limit p_rows));
  get diagnostics v_requests = row_count;
  select * into v_lineage from fpnode.lineage l where l.erased is not null or l.emptied < l.floor
    order by l.generation limit 1 for update skip locked;
  if not found then
    return v_requests >= p_rows;
  end if;
  v_to := least(v_lineage.floor, v_lineage.emptied + p_rows);
  delete from fpnode.log c
    where c.generation = v_lineage.generation and c.position > v_lineage.emptied and c.position <= v_to;
  if v_lineage.erased is not null and v_to = v_lineage.floor then
    delete from fpnode.lineage l where l.generation = v_lineage.generation;
  else
    update fpnode.lineage l set emptied = v_to where l.generation = v_lineage.generation;
  end if;
  return true;
end $$;
comment on function fpnode.sweep is 'deletes so many rows at most that retention or a delete has given up; false: none left';

create function fpnode.newest_before(p_generation bigint, p_at timestamptz) returns bigint
  language plpgsql stable as $$
declare
  v_low bigint;
  v_high bigint;
  v_middle bigint;
begin
  select l.floor, fpnode.newest(l.generation, l.floor) into v_low, v_high from fpnode.lineage l
    where l.generation = p_generation;
  while v_low < v_high loop
    v_middle := v_low + (v_high - v_low + 1) / 2;
    if (select c.at from fpnode.log c where c.generation = p_generation and c.position = v_middle) < p_at then
      v_low := v_middle;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end $$;
comment on function fpnode.newest_before is 'the position of the newest change from before a time; the floor when there is none';
)";

constexpr postgres_migration migrations[] = {{1, tables}, {1, functions}};

}  // namespace

std::span<const postgres_migration> postgres_migrations() noexcept { return migrations; }

int postgres_schema_version() noexcept { return migrations[std::size(migrations) - 1].version; }

}  // namespace fp
