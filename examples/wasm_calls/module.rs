//! A WebAssembly module, read and validated.

use std::ops::Range;

use wasmparser::{
    BinaryReaderError, DataKind, ElementItems, ElementKind, ExternalKind, FuncType, Operator,
    Parser, Payload, TableInit, TypeRef, ValType, Validator, WasmFeatures,
};

/// Returns the accepted features: the first version of WebAssembly, and two small additions.
fn features() -> WasmFeatures {
    WasmFeatures::WASM1 | WasmFeatures::SIGN_EXTENSION | WasmFeatures::SATURATING_FLOAT_TO_INT
}

/// The parts of a module for compiling and running it.
#[derive(Default)]
pub struct Module {
    pub bytes: Vec<u8>,
    pub types: Vec<FuncType>,
    /// Imported functions: module, name, type.
    pub imports: Vec<(String, String, u32)>,
    /// The type of every function, the imported ones first.
    pub functions: Vec<u32>,
    /// The place of each defined function's body.
    pub bodies: Vec<Range<usize>>,
    /// Type and first value, as bits.
    pub globals: Vec<(ValType, u64)>,
    /// Pages at first, and at most.
    pub memory: (u64, Option<u64>),
    pub table_size: u32,
    /// Where in the table, and which functions.
    pub elements: Vec<(u32, Vec<u32>)>,
    /// Where in the memory, and which bytes.
    pub data: Vec<(u32, Vec<u8>)>,
    pub exports: Vec<(String, u32)>,
    pub start: Option<u32>,
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Module {
    pub fn read(bytes: Vec<u8>) -> Result<Module, String> {
        let failed = |error: BinaryReaderError| format!("the module is not valid: {error}");
        Validator::new_with_features(features()).validate_all(&bytes).map_err(failed)?;
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(&bytes) {
            module.take(payload.map_err(failed)?, &bytes)?;
        }
        module.bytes = bytes;
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'_>, bytes: &[u8]) -> Result<(), String> {
        let failed = |error: BinaryReaderError| error.to_string();
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.types.push(ty.map_err(failed)?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(failed)?;
                    let name = format!("{}.{}", import.module, import.name);
                    let TypeRef::Func(ty) = import.ty else {
                        return Err(format!(
                            "the import {name} is no function: beyond this example"
                        ));
                    };
                    self.imports.push((import.module.into(), import.name.into(), ty));
                    self.functions.push(ty);
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty.map_err(failed)?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table.map_err(failed)?;
                    if !matches!(table.init, TableInit::RefNull) {
                        return Err("a table with a first value: beyond this example".into());
                    }
                    self.table_size = u32::try_from(table.ty.initial).map_err(|e| e.to_string())?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(failed)?;
                    self.memory = (memory.initial, memory.maximum);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global.map_err(failed)?;
                    let value = constant(&global.init_expr)?;
                    self.globals.push((global.ty.content_type, value));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(failed)?;
                    if export.kind == ExternalKind::Func {
                        self.exports.push((export.name.into(), export.index));
                    }
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element.map_err(failed)?;
                    let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(items)) =
                        (element.kind, element.items)
                    else {
                        return Err(
                            "an element segment that is not active: beyond this example".into()
                        );
                    };
                    let items: Result<Vec<u32>, _> = items.into_iter().collect();
                    let offset = constant(&offset_expr)? as u32;
                    self.elements.push((offset, items.map_err(failed)?));
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    let data = data.map_err(failed)?;
                    let DataKind::Active { offset_expr, .. } = data.kind else {
                        return Err("a data segment that is not active: beyond this example".into());
                    };
                    self.data.push((constant(&offset_expr)? as u32, data.data.to_vec()));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                let range = at(range.start)..at(range.end);
                debug_assert!(range.end <= bytes.len());
                self.bodies.push(range);
            }
            _ => {}
        }
        Ok(())
    }

    /// The type of a function.
    pub fn type_of(&self, function: u32) -> &FuncType {
        &self.types[self.functions[function as usize] as usize]
    }

    pub fn export(&self, name: &str) -> Option<u32> {
        self.exports.iter().find(|(known, _)| known == name).map(|&(_, function)| function)
    }
}

/// The value of a constant expression, as bits.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Result<u64, String> {
    let mut operators = expression.get_operators_reader();
    match operators.read().map_err(|error| error.to_string())? {
        Operator::I32Const { value } => Ok(u64::from(value as u32)),
        Operator::I64Const { value } => Ok(value as u64),
        Operator::F32Const { value } => Ok(value.bits().into()),
        Operator::F64Const { value } => Ok(value.bits()),
        other => Err(format!("the constant expression {other:?}: beyond this example")),
    }
}
