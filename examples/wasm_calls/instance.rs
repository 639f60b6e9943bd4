//! A running module: its memory, its handles, and its entries in the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use slotarena::code::{EntryPoint, Signature};
use slotarena::{CodePointerTable, Handle};

use crate::calls::{Calls, Native};
use crate::compile::{Assembly, Code, Natives, Plan, Tier, compile, signature};
use crate::engine::Engine;
use crate::module::Module;
use crate::runtime::{Context, Host, Trap, enter, grow, host_call};

/// The greatest size of a memory, in pages of 64 KiB.
const PAGES_LIMIT: u64 = 1024;

/// A module, and the signatures of its types.
pub struct Prepared {
    pub module: Module,
    pub signatures: Vec<Signature>,
    pub natives: Natives,
}

impl Prepared {
    pub fn new(module: Module, table: &CodePointerTable) -> Result<Self, String> {
        let signatures = module.types.iter().map(signature).collect::<Result<_, _>>()?;
        let native = |function: *const ()| {
            let function = EntryPoint::new(function.cast()).expect("not null");
            let handle = table.handle_for_native(function).map_err(|error| error.to_string())?;
            Ok::<_, String>(Native { address: function.address(), handle: handle.to_raw() })
        };
        let natives = Natives {
            grow: native(grow as *const ())?,
            host_call: native(host_call as *const ())?,
        };
        Ok(Self { module, signatures, natives })
    }

    pub fn plan(&self, calls: Calls, tier: Tier, count: bool) -> Result<Plan<'_>, String> {
        let frontend = Assembly::new(tier)?.frontend();
        let (module, natives, signatures) = (&self.module, self.natives, &*self.signatures);
        Ok(Plan { module, calls, count, tier, natives, signatures, frontend })
    }

    /// The signature of a function.
    pub fn signature_of(&self, function: u32) -> Signature {
        self.signatures[self.module.functions[function as usize] as usize]
    }
}

/// A running module. Its `memory`, `handles`, and `elements` are in the sandbox: an attacker can
/// write to them.
pub struct Instance<'p> {
    pub prepared: &'p Prepared,
    table: Option<&'p CodePointerTable>,
    pub context: Box<Context>,
    host: Box<Host>,
    memory: Vec<u8>,
    globals: Vec<u64>,
    pub handles: Box<[AtomicU32]>,
    pub elements: Box<[AtomicU32]>,
    pointers: Vec<usize>,
    element_pointers: Vec<usize>,
    /// The engine's own copy of the handles.
    pub trusted: Vec<Handle>,
    pub code: Arc<Code>,
}

impl<'p> Instance<'p> {
    /// Compiles a module, with its calls through the table if there is one, and starts it.
    pub fn new(
        prepared: &'p Prepared,
        table: Option<&'p CodePointerTable>,
        count: bool,
    ) -> Result<Self, String> {
        let calls = table.map_or(Calls::Pointers, |table| Calls::Table(table.entry_layout()));
        let code = compile(&prepared.plan(calls, Tier::Optimized, count)?)?;
        let module = &prepared.module;
        let mut trusted = Vec::new();
        if let Some(table) = table {
            let scope = table.write_scope();
            for (number, &entry_point) in (0..).zip(&code.functions) {
                let handle = scope.allocate(entry_point, prepared.signature_of(number));
                trusted.push(handle.map_err(|error| error.to_string())?);
            }
        }
        let of = |function: u32| trusted.get(function as usize).map_or(0, |handle| handle.to_raw());
        let size = module.table_size as usize;
        let elements: Box<[AtomicU32]> = (0..size).map(|_| AtomicU32::new(0)).collect();
        let mut element_pointers = vec![0; size];
        for (offset, functions) in &module.elements {
            let end = *offset as usize + functions.len();
            if end > size {
                return Err(format!("elements up to {end} in a table of {size}"));
            }
            for (place, &function) in (*offset as usize..).zip(functions) {
                elements[place].store(of(function), Ordering::Relaxed);
                element_pointers[place] = code.functions[function as usize].address();
            }
        }
        let (initial, most) = module.memory;
        let pages_limit = most.unwrap_or(PAGES_LIMIT).min(PAGES_LIMIT);
        if initial > pages_limit {
            return Err(format!(
                "{initial} pages of memory, of {pages_limit}: beyond this example"
            ));
        }
        let mut memory = vec![0u8; pages_limit as usize * 65_536];
        for (offset, data) in &module.data {
            let start = *offset as usize;
            let place = memory[..initial as usize * 65_536].get_mut(start..start + data.len());
            place.ok_or("data outside of the memory")?.copy_from_slice(data);
        }
        let arity = |(_, _, ty): &(String, String, u32)| module.types[*ty as usize].params().len();
        let arity = module.imports.iter().map(arity).collect();
        let mut instance = Self {
            prepared,
            table,
            // SAFETY: all its fields are numbers and pointers.
            context: unsafe { Box::new(std::mem::zeroed()) },
            host: Box::new(Host { arity, calls: vec![], pages_limit }),
            memory,
            globals: module.globals.iter().map(|&(_, value)| value).collect(),
            handles: (0..code.functions.len() as u32).map(|n| AtomicU32::new(of(n))).collect(),
            elements,
            pointers: code.functions.iter().map(|function| function.address()).collect(),
            element_pointers,
            trusted,
            code,
        };
        instance.connect(initial);
        if let Some(start) = module.start {
            instance.call(start, &[]).map_err(|trap| trap.to_string())?;
        }
        Ok(instance)
    }

    /// Fills the context.
    fn connect(&mut self, pages: u64) {
        let context = &mut *self.context;
        context.memory = self.memory.as_mut_ptr();
        context.memory_bytes = pages << 16;
        context.handles = self.handles.as_ptr().cast();
        context.elements = self.elements.as_ptr().cast();
        context.elements_length = self.elements.len() as u64;
        context.globals = self.globals.as_mut_ptr();
        context.pointers = self.pointers.as_ptr();
        context.element_pointers = self.element_pointers.as_ptr();
        context.host = &raw mut *self.host;
    }

    /// Calls a function, by its handle in the sandbox, with its signature.
    pub fn call(&mut self, function: u32, arguments: &[u64]) -> Result<u64, Trap> {
        let ty = self.prepared.module.functions[function as usize] as usize;
        let callee = match self.table {
            Some(_) => self.handles[function as usize].load(Ordering::Relaxed) as usize,
            None => self.pointers[function as usize],
        };
        let mut array = arguments.to_vec();
        array.push(0);
        let trampoline = self.code.enter[ty] as *const u8;
        // SAFETY: compiled for this type, whose arguments these are, and for this kind of callee.
        unsafe { enter(&raw mut *self.context, trampoline, callee, &mut array) }?;
        Ok(array[0])
    }

    /// Returns the calls counted since the last call of this function.
    pub fn take_calls(&mut self) -> u64 {
        std::mem::take(&mut self.context.calls)
    }
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        if let Some(table) = self.table {
            let scope = table.write_scope();
            for &handle in &self.trusted {
                scope.free(handle).expect("the instance's own");
            }
        }
    }
}

impl Engine for Instance<'_> {
    fn call(&mut self, export: &str, arguments: &[u64]) -> Result<u64, String> {
        let function = self.prepared.module.export(export);
        let function = function.ok_or_else(|| format!("no function {export}"))?;
        Instance::call(self, function, arguments).map_err(|trap| trap.to_string())
    }

    fn read(&mut self, at: u64, bytes: u64) -> Vec<u8> {
        self.memory[at as usize..(at + bytes) as usize].to_vec()
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        self.memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    }

    fn host_calls(&mut self) -> Vec<(u32, Vec<u64>)> {
        std::mem::take(&mut self.host.calls)
    }
}
