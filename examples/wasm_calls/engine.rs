//! The interface between jobs and engines, and the independent engine: wasmi, an interpreter.

use wasmi::{ExternType, Linker, Module, Store, Val, ValType};

/// Runs a module.
pub trait Engine {
    /// Calls an exported function; 0 if it has no result.
    fn call(&mut self, export: &str, arguments: &[u64]) -> Result<u64, String>;
    fn read(&mut self, at: u64, bytes: u64) -> Vec<u8>;
    fn write(&mut self, at: u64, bytes: &[u8]);
    /// Returns the calls of imports since the last call of this function, with their arguments.
    fn host_calls(&mut self) -> Vec<(u32, Vec<u64>)>;
}

type Calls = Vec<(u32, Vec<u64>)>;

/// wasmi. It shares no code with the compiler of this example.
pub struct Independent {
    store: Store<Calls>,
    instance: wasmi::Instance,
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(value) => value.to_bits().into(),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}

fn value(ty: ValType, bits: u64) -> Val {
    match ty {
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(wasmi::F32::from_bits(bits as u32)),
        ValType::F64 => Val::F64(wasmi::F64::from_bits(bits)),
        _ => Val::I32(bits as i32),
    }
}

impl Independent {
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        let failed = |error: wasmi::Error| error.to_string();
        let engine = wasmi::Engine::default();
        let module = Module::new(&engine, bytes).map_err(failed)?;
        let (mut linker, mut number) = (Linker::new(&engine), 0);
        for import in module.imports() {
            let ExternType::Func(ty) = import.ty() else { continue };
            let own = number;
            number += 1;
            let results = ty.results().to_vec();
            let note =
                move |mut caller: wasmi::Caller<'_, Calls>, inputs: &[Val], out: &mut [Val]| {
                    caller.data_mut().push((own, inputs.iter().map(bits).collect()));
                    for (out, &ty) in out.iter_mut().zip(&results) {
                        *out = value(ty, 0);
                    }
                    Ok(())
                };
            let defined = linker.func_new(import.module(), import.name(), ty.clone(), note);
            defined.map_err(|error| error.to_string())?;
        }
        let mut store = Store::new(&engine, Calls::new());
        let instance = linker.instantiate_and_start(&mut store, &module).map_err(failed)?;
        Ok(Self { store, instance })
    }

    fn memory(&self) -> wasmi::Memory {
        self.instance.get_memory(&self.store, "memory").expect("an exported memory")
    }
}

impl Engine for Independent {
    fn call(&mut self, export: &str, arguments: &[u64]) -> Result<u64, String> {
        let function = self.instance.get_func(&self.store, export).ok_or("no such function")?;
        let ty = function.ty(&self.store);
        let arguments: Vec<Val> =
            ty.params().iter().zip(arguments).map(|(&ty, &bits)| value(ty, bits)).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|&ty| value(ty, 0)).collect();
        let called = function.call(&mut self.store, &arguments, &mut results);
        called.map_err(|error| error.to_string())?;
        Ok(results.first().map_or(0, bits))
    }

    fn read(&mut self, at: u64, bytes: u64) -> Vec<u8> {
        self.memory().data(&self.store)[at as usize..(at + bytes) as usize].to_vec()
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        let memory = self.memory();
        memory.data_mut(&mut self.store)[at as usize..at as usize + bytes.len()]
            .copy_from_slice(bytes);
    }

    fn host_calls(&mut self) -> Calls {
        std::mem::take(self.store.data_mut())
    }
}
