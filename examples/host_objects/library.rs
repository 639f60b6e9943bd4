//! What scripts see of the host: the global `host`, and the little of Lua's own library that
//! piccolo lacks and the scripts use.

use std::rc::Rc;
use std::time::Duration;

use gc_arena::Rootable;
use piccolo::{
    Callback, CallbackReturn, Closure, Context, Error, IntoValue, String as LuaString, Table,
    UserData, Value,
};

use crate::host::{Host, HostRef, Tagged};
use crate::objects::{Buffer, Flags, Kind, Scratch, Socket, Timer};

/// What an object counts for in the guest's accounts, besides its own bytes.
const OVERHEAD: usize = 64;
/// What a descriptor of the system counts for, so that the guest collects before too many are open.
const DESCRIPTOR: usize = 16 << 10;
/// The longest buffer.
const LENGTH_MAX: i64 = 1 << 20;

type Answer<'gc> = Result<Value<'gc>, Error<'gc>>;

fn failed<'gc>(ctx: Context<'gc>, message: impl ToString) -> Error<'gc> {
    LuaString::from_slice(&ctx, message.to_string()).into_value(ctx).into()
}

fn held<'gc>(object: UserData<'gc>) -> Result<&'gc HostRef, Error<'gc>> {
    Ok(object.downcast::<Rootable![HostRef]>()?)
}

fn integer<'gc>(ctx: Context<'gc>, value: Value<'gc>) -> Result<i64, Error<'gc>> {
    match value {
        Value::Integer(number) => Ok(number),
        Value::Number(number) if number.fract() == 0.0 => Ok(number as i64),
        _ => Err(failed(ctx, "expected an integer")),
    }
}

/// Returns the place of an element. Lua counts from 1.
fn place<'gc>(ctx: Context<'gc>, value: Value<'gc>) -> Result<usize, Error<'gc>> {
    Ok((integer(ctx, value)? as usize).wrapping_sub(1))
}

fn bytes<'gc>(ctx: Context<'gc>, value: Value<'gc>) -> Result<&'gc [u8], Error<'gc>> {
    match value {
        Value::String(text) => Ok(text.as_bytes()),
        _ => Err(failed(ctx, "expected a string")),
    }
}

fn string<'gc>(ctx: Context<'gc>, bytes: Vec<u8>) -> Value<'gc> {
    LuaString::from_slice(&ctx, bytes).into_value(ctx)
}

/// Makes a method: a function of an object and up to two values.
fn method<'gc, F>(ctx: Context<'gc>, f: F) -> Callback<'gc>
where
    F: Fn(Context<'gc>, &HostRef, Value<'gc>, Value<'gc>) -> Answer<'gc> + 'static,
{
    Callback::from_fn(&ctx, move |ctx, _, mut stack| {
        let (object, first, second) = stack.consume::<(UserData, Value, Value)>(ctx)?;
        let value = f(ctx, held(object)?, first, second)?;
        stack.replace(ctx, value);
        Ok(CallbackReturn::Return)
    })
}

/// Makes a plain function of up to two values.
fn function<'gc, F>(ctx: Context<'gc>, f: F) -> Callback<'gc>
where
    F: Fn(Context<'gc>, Value<'gc>, Value<'gc>) -> Answer<'gc> + 'static,
{
    Callback::from_fn(&ctx, move |ctx, _, mut stack| {
        let (first, second) = stack.consume::<(Value, Value)>(ctx)?;
        let value = f(ctx, first, second)?;
        stack.replace(ctx, value);
        Ok(CallbackReturn::Return)
    })
}

/// A table of the library under construction.
struct Names<'gc> {
    ctx: Context<'gc>,
    table: Table<'gc>,
}

impl<'gc> Names<'gc> {
    fn new(ctx: Context<'gc>) -> Self {
        Self { ctx, table: Table::new(&ctx) }
    }

    fn add(self, name: &'static str, value: impl IntoValue<'gc>) -> Self {
        self.table.set(self.ctx, name, value).expect("a string is a valid key");
        self
    }
}

/// An element of a host object.
enum Element {
    Byte(u8),
    Flag(bool),
}

impl Element {
    fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(Self::Byte(u8::try_from(number).ok()?)),
            Value::Boolean(flag) => Some(Self::Flag(flag)),
            _ => None,
        }
    }

    fn value<'gc>(self) -> Value<'gc> {
        match self {
            Self::Byte(byte) => Value::Integer(byte.into()),
            Self::Flag(flag) => Value::Boolean(flag),
        }
    }
}

/// Returns a metatable whose elements are found by numbers, and whose methods by names.
fn elements<'gc, T: Tagged>(
    ctx: Context<'gc>,
    methods: Names<'gc>,
    get: fn(&T, usize) -> Option<Element>,
    set: fn(&T, usize, Element) -> bool,
) -> Table<'gc> {
    let index = Callback::from_fn_with(&ctx, methods.table, move |methods, ctx, _, mut stack| {
        let (object, key) = stack.consume::<(UserData, Value)>(ctx)?;
        let value = match key {
            Value::String(_) => methods.get_value(key),
            _ => {
                let (guest, at) = (held(object)?, place(ctx, key)?);
                let element = guest.host.access(guest, |object: &T| get(object, at)).flatten();
                element.map_or(Value::Nil, Element::value)
            }
        };
        stack.replace(ctx, value);
        Ok(CallbackReturn::Return)
    });
    let new_index = method(ctx, move |ctx, guest, key, value| {
        let at = place(ctx, key)?;
        let element = Element::of(value).ok_or_else(|| failed(ctx, "no value of an element"))?;
        match guest.host.access(guest, |object: &T| set(object, at, element)) {
            Some(false) => Err(failed(ctx, "no such element, or a value of the wrong type")),
            _ => Ok(Value::Nil),
        }
    });
    Names::new(ctx).add("__index", index).add("__newindex", new_index).table
}

fn buffers(ctx: Context<'_>) -> Table<'_> {
    let sum = method(ctx, |_, guest, _, _| {
        let sum = guest.host.access(guest, |buffer: &Buffer| buffer.sum() as i64);
        Ok(sum.map_or(Value::Nil, Value::Integer))
    });
    let length = method(ctx, |_, guest, _, _| {
        let length = guest.host.access(guest, |buffer: &Buffer| buffer.length() as i64);
        Ok(length.map_or(Value::Nil, Value::Integer))
    });
    elements::<Buffer>(
        ctx,
        Names::new(ctx).add("sum", sum).add("length", length),
        |buffer, at| buffer.get(at).map(Element::Byte),
        |buffer, at, element| matches!(element, Element::Byte(byte) if buffer.set(at, byte)),
    )
}

fn flags(ctx: Context<'_>) -> Table<'_> {
    elements::<Flags>(
        ctx,
        Names::new(ctx),
        |flags, at| flags.get(at).map(Element::Flag),
        |flags, at, element| matches!(element, Element::Flag(flag) if flags.set(at, flag)),
    )
}

fn files(ctx: Context<'_>) -> Table<'_> {
    let append = method(ctx, |ctx, guest, text, _| {
        let text = bytes(ctx, text)?;
        match guest.host.access(guest, |file: &Scratch| file.append(text)) {
            Some(result) => result.map(|()| Value::Nil).map_err(|error| failed(ctx, error)),
            None => Ok(Value::Nil),
        }
    });
    let read = method(ctx, |ctx, guest, _, _| {
        match guest.host.access(guest, |file: &Scratch| file.read()) {
            Some(result) => {
                result.map(|bytes| string(ctx, bytes)).map_err(|error| failed(ctx, error))
            }
            None => Ok(Value::Nil),
        }
    });
    let methods = Names::new(ctx).add("append", append).add("read", read).table;
    Names::new(ctx).add("__index", methods).table
}

fn sockets(ctx: Context<'_>) -> Table<'_> {
    let echo = method(ctx, |ctx, guest, text, _| {
        let text = bytes(ctx, text)?;
        match guest.host.access(guest, |socket: &Socket| socket.echo(text)) {
            Some(result) => {
                result.map(|bytes| string(ctx, bytes)).map_err(|error| failed(ctx, error))
            }
            None => Ok(Value::Nil),
        }
    });
    let methods = Names::new(ctx).add("echo", echo).table;
    Names::new(ctx).add("__index", methods).table
}

fn timers(ctx: Context<'_>) -> Table<'_> {
    let expired = method(ctx, |_, guest, _, _| {
        let expired = guest.host.access(guest, |timer: &Timer| timer.expired());
        Ok(expired.map_or(Value::Nil, Value::Boolean))
    });
    let methods = Names::new(ctx).add("expired", expired).table;
    Names::new(ctx).add("__index", methods).table
}

/// A new object and its bytes.
type Made<T> = Result<(T, usize), String>;

/// Makes a constructor: `body` gets the argument, and returns the object and its bytes.
fn constructor<'gc, T: Tagged>(
    ctx: Context<'gc>,
    host: &Rc<Host>,
    metatable: Table<'gc>,
    body: fn(&Host, i64) -> Made<T>,
) -> Callback<'gc> {
    let host = host.clone();
    Callback::from_fn_with(&ctx, metatable, move |&metatable, ctx, _, mut stack| {
        let argument = match stack.consume::<Value>(ctx)? {
            Value::Nil => 0,
            value => integer(ctx, value)?,
        };
        let made = body(&host, argument).and_then(|(body, bytes)| {
            ctx.metrics().mark_external_allocation(bytes);
            host.make(bytes, body)
        });
        let made = made.map_err(|error| failed(ctx, format!("{}: {error}", T::KIND.name())))?;
        let object = UserData::new::<Rootable![HostRef]>(&ctx, made);
        object.set_metatable(&ctx, Some(metatable));
        stack.replace(ctx, object);
        Ok(CallbackReturn::Return)
    })
}

fn length(argument: i64) -> Result<usize, String> {
    let length = (1..=LENGTH_MAX).contains(&argument).then_some(argument as usize);
    length.ok_or_else(|| format!("no length: {argument}"))
}

/// Defines the library's globals.
pub fn load<'gc>(ctx: Context<'gc>, host: &Rc<Host>) {
    let buffer = constructor::<Buffer>(ctx, host, buffers(ctx), |_, argument| {
        let length = length(argument)?;
        Ok((Buffer::new(length), length + OVERHEAD))
    });
    let flags = constructor::<Flags>(ctx, host, flags(ctx), |_, argument| {
        let length = length(argument)?;
        Ok((Flags::new(length), length + OVERHEAD))
    });
    let file = constructor::<Scratch>(ctx, host, files(ctx), |host, _| {
        let name = format!("{}", host.ledger.numbers().made);
        let file = Scratch::new(host.folder.path().join(name));
        Ok((file.map_err(|error| error.to_string())?, DESCRIPTOR))
    });
    let socket = constructor::<Socket>(ctx, host, sockets(ctx), |_, _| {
        Ok((Socket::new().map_err(|error| error.to_string())?, DESCRIPTOR))
    });
    let timer = constructor::<Timer>(ctx, host, timers(ctx), |_, argument| {
        Ok((Timer::new(Duration::from_millis(argument.max(0) as u64)), OVERHEAD))
    });
    let names = Names::new(ctx).add("buffer", buffer).add("flags", flags).add("file", file);
    let names = names.add("socket", socket).add("timer", timer);
    let watch = method(ctx, |ctx, guest, _, _| {
        if guest.kind() != Some(Kind::Buffer) {
            return Err(failed(ctx, "expected a buffer"));
        }
        guest.host.watch(guest);
        Ok(Value::Nil)
    });
    let names = attacker(ctx, host, names.add("watch", watch));
    ctx.set_global("host", names.table).expect("a string is a valid key");
    lua(ctx);
}

/// Adds what only an attack uses. A real host would offer none of it; a flaw of the guest might.
fn attacker<'gc>(ctx: Context<'gc>, host: &Rc<Host>, names: Names<'gc>) -> Names<'gc> {
    let distrust = host.clone();
    let distrust = function(ctx, move |_, _, _| {
        distrust.distrust();
        Ok(Value::Nil)
    });
    let random = host.clone();
    let random = function(ctx, move |ctx, most, _| {
        let most = integer(ctx, most)?.max(1);
        Ok(Value::Integer(random.random.borrow_mut().i64(0..most)))
    });
    let handle = method(ctx, |_, guest, _, _| {
        Ok(Value::Integer(guest.handle.load(std::sync::atomic::Ordering::Relaxed).into()))
    });
    let forge = method(ctx, |ctx, guest, handle, tag| {
        let handle = integer(ctx, handle)? as u32;
        guest.handle.store(handle, std::sync::atomic::Ordering::Relaxed);
        guest.tag.set(integer(ctx, tag)? as u16);
        Ok(Value::Nil)
    });
    let touch = method(ctx, |_, guest, _, _| Ok(Value::Boolean(touch(guest))));
    let names = names.add("distrust", distrust).add("random", random).add("handle", handle);
    names.add("forge", forge).add("touch", touch)
}

/// Uses the object that a guest object claims to hold. Returns `true` if there was one.
fn touch(guest: &HostRef) -> bool {
    let host = &guest.host;
    match guest.kind() {
        Some(Kind::Buffer) => host.access(guest, |buffer: &Buffer| buffer.set(0, 1)).is_some(),
        Some(Kind::Flags) => host.access(guest, |flags: &Flags| flags.set(0, false)).is_some(),
        Some(Kind::File) => host.access(guest, |file: &Scratch| file.append(b"x")).is_some(),
        Some(Kind::Socket) => host.access(guest, |socket: &Socket| socket.echo(b"x")).is_some(),
        Some(Kind::Timer) => host.access(guest, |timer: &Timer| timer.expired()).is_some(),
        None => host.strays(guest),
    }
}

/// Defines the parts of Lua's own library that the scripts use and piccolo lacks: `load` for a
/// string, and `require` for modules that were run before.
fn lua<'gc>(ctx: Context<'gc>) {
    let load = function(ctx, |ctx, source, _| {
        let closure = Closure::load(ctx, Some("load"), bytes(ctx, source)?);
        Ok(closure.map_err(|error| failed(ctx, error))?.into())
    });
    let loaded = Table::new(&ctx);
    let require = Callback::from_fn_with(&ctx, loaded, |loaded, ctx, _, mut stack| {
        let name = stack.consume::<Value>(ctx)?;
        let module = loaded.get_value(name);
        if module.is_nil() {
            return Err(failed(ctx, "no such module"));
        }
        stack.replace(ctx, module);
        Ok(CallbackReturn::Return)
    });
    let package = Names::new(ctx).add("loaded", loaded).table;
    for (name, value) in [
        ("load", load.into_value(ctx)),
        ("require", require.into_value(ctx)),
        ("package", package.into_value(ctx)),
        ("_VERSION", "Lua 5.4".into_value(ctx)),
    ] {
        ctx.set_global(name, value).expect("a string is a valid key");
    }
}
