//! The guest: a Lua of the package `piccolo`, whose tracer visits the host's handles.
//!
//! piccolo collects its garbage by `gc-arena`: at the end of each call of `Lua::enter` it marks a
//! little, or sweeps a little. It has no callback for that. Three facts stand in for one:
//!
//! - A beacon lies among its roots. The tracer of the beacon, like that of each object with a
//!   handle, begins the table's marking, if that has not begun.
//! - The beacon has a weak reference to an object that nothing else refers to. The reference leads
//!   to the object until the marking is over. Then it leads nowhere.
//! - No call of `Lua::enter` ends a marking and then begins another one. So a look at the beacon at
//!   the start of each call misses nothing.
//!
//! A write barrier may make the tracer visit an object again. A second mark does no harm.

use std::rc::Rc;

use gc_arena::lock::RefLock;
use gc_arena::{Collect, Collection, Gc, GcWeak, Rootable};
use piccolo::{Closure, Context, Executor, Fuel, Lua, StashedExecutor, StashedUserData, UserData};

use crate::host::{Host, HostRef};
use crate::library;

/// The instructions that run between two looks at the beacon, roughly.
const FUEL: i32 = 4096;

// SAFETY: the object holds no pointer into the arena. Its tracer changes no such pointer.
unsafe impl Collect for HostRef {
    fn trace(&self, _: &Collection) {
        self.host.visit(self);
    }
}

/// The part of the beacon that notices the tracer.
struct Hook(Rc<Host>);

// SAFETY: the hook holds no pointer into the arena. Its tracer changes no such pointer.
unsafe impl Collect for Hook {
    fn trace(&self, _: &Collection) {
        self.0.start_marking();
    }
}

type Doomed<'gc> = GcWeak<'gc, ()>;

/// Tells when the guest marks, and when that is over.
#[derive(Collect)]
#[collect(no_drop)]
struct Beacon<'gc> {
    hook: Hook,
    doomed: Gc<'gc, RefLock<Doomed<'gc>>>,
}

fn doomed<'gc>(ctx: Context<'gc>) -> Doomed<'gc> {
    Gc::downgrade(Gc::new(&ctx, ()))
}

/// A Lua with the host's library.
pub struct Guest {
    lua: Lua,
    beacon: StashedUserData,
    host: Rc<Host>,
}

impl Guest {
    pub fn new(host: &Rc<Host>) -> Self {
        let mut lua = Lua::core();
        let beacon = lua.enter(|ctx| {
            let doomed = Gc::new(&ctx, RefLock::new(doomed(ctx)));
            let beacon = Beacon { hook: Hook(host.clone()), doomed };
            library::load(ctx, host);
            ctx.stash(UserData::new::<Rootable![Beacon<'_>]>(&ctx, beacon))
        });
        Self { lua, beacon, host: host.clone() }
    }

    /// Enters the arena. All entries go through here, so that none is without a look at the beacon.
    fn enter<T>(&mut self, f: impl for<'gc> FnOnce(Context<'gc>) -> T) -> T {
        let Self { lua, beacon, host } = self;
        lua.enter(|ctx| {
            let beacon = ctx.fetch(beacon).downcast::<Rootable![Beacon<'_>]>();
            let beacon = beacon.expect("the beacon was made with this type");
            let over = beacon.doomed.borrow().upgrade(&ctx).is_none();
            if over {
                *beacon.doomed.borrow_mut(&ctx) = doomed(ctx);
                host.start_sweep();
            } else {
                host.sweep_on();
            }
            ctx.metrics().mark_external_deallocation(host.ledger.take_bytes());
            host.sample_some();
            f(ctx)
        })
    }

    /// Runs a script to its end and returns whether it returned `true`.
    pub fn run(&mut self, name: &str, source: &str) -> Result<bool, String> {
        let executor = self.enter(|ctx| {
            let closure = Closure::load(ctx, Some(name), source.as_bytes());
            let closure = closure.map_err(|error| format!("{name}: {error}"))?;
            Ok::<_, String>(ctx.stash(Executor::start(ctx, closure.into(), ())))
        })?;
        loop {
            self.host.error()?;
            if self.host.wants_compaction() {
                self.compact();
            }
            if self.step(&executor) {
                break;
            }
        }
        self.enter(|ctx| {
            let result = ctx.fetch(&executor).take_result::<bool>(ctx);
            let result = result.map_err(|error| error.to_string())?;
            result.map_err(|error| format!("{name}: {error}"))
        })
    }

    /// Returns `true` at the end of the script.
    fn step(&mut self, executor: &StashedExecutor) -> bool {
        self.enter(|ctx| ctx.fetch(executor).step(ctx, &mut Fuel::with(FUEL)))
    }

    /// Collects all garbage of the guest and of the table.
    pub fn collect(&mut self) {
        // The first call may only end a collection that began long ago.
        for _ in 0..2 {
            self.lua.gc_collect();
            self.enter(|_| ());
            self.host.finish_sweep();
        }
    }

    #[cfg(test)]
    pub fn external_bytes(&self) -> usize {
        self.lua.gc_metrics().total_external_allocation()
    }

    /// Compacts the table. The guest marks all its objects in the meantime.
    fn compact(&mut self) {
        // Until no collection is going on. The next one will visit all objects.
        self.lua.gc_collect();
        self.enter(|_| ());
        self.host.finish_sweep();
        self.host.compact(|| self.lua.gc_collect());
        self.enter(|_| ());
    }
}
