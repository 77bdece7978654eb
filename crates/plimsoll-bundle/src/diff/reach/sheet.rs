//! The cases of a space as one side's rules tell them apart: numbers, each worked out once for every combination of
//! the facts that decide it. Most cases differ from the one before in one fact only, and cost no more than that.

use rustc_hash::FxHashMap;

use super::situation::SideAct;
use super::space::Space;
use crate::cedar::{Assumed, Invariant, Memo, Reach, Under};

/// The numbers of an act's cases, looked at one by one.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    space: &'a Space,
    side: &'a SideAct<'a>,
    columns: Vec<Column>,
    /// Those of the case that was looked at last.
    numbers: Vec<u32>,
}

/// How far cases get on one side, by the numbers of a sheet.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    side: &'a SideAct<'a>,
    reached: FxHashMap<Vec<u32>, Reach>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(side: &'a SideAct<'a>) -> Self {
        Self { side, reached: FxHashMap::default() }
    }

    /// The sheet is of this side, or of one that is numbered as it is.
    pub(super) fn reach(&mut self, memo: &mut Memo, sheet: &mut Sheet<'_>, key: &[u16]) -> Reach {
        let Some(numbers) = sheet.look(memo, key) else { return Reach::Refused };
        if let Some(reach) = self.reached.get(numbers) {
            return *reach;
        }
        let probe = &self.side.probe;
        let votes = sheet.answer(memo, self.side, key, |memo| probe.votes(memo, &sheet.numbers));
        let reach = votes.map_or(Reach::Refused, |votes| votes.reach(probe.ways(&sheet.numbers)));
        self.reached.insert(sheet.numbers.clone(), reach);
        reach
    }
}

/// The places of the numbers that the same dimensions of the space decide.
#[derive(Debug)]
struct Column {
    dims: Vec<usize>,
    places: Vec<usize>,
    /// The values of these dimensions in the case that was looked at last.
    at: Vec<u16>,
    /// Whether all facts could be known then.
    known: bool,
    cells: FxHashMap<Vec<u16>, Option<Vec<u32>>>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(memo: &mut Memo, space: &'a Space, side: &'a SideAct<'a>) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        for (place, parts) in side.probe.parts().enumerate() {
            let dims = space.deciding(parts);
            match columns.iter_mut().find(|column| column.dims == dims) {
                Some(column) => column.places.push(place),
                None => columns.push(Column::new(dims, place)),
            }
        }
        let numbers = vec![0; side.probe.parts().count()];
        let mut sheet = Self { space, side, columns, numbers };
        sheet.turn_to(memo, &vec![0; space.dims.len()], |_, _| true);
        sheet
    }

    /// Where the rules allow what an invariant forbids.
    pub(crate) fn breaches(&mut self, memo: &mut Memo, key: &[u16], invariant: &Invariant) -> Under {
        if self.look(memo, key).is_none() {
            return Under::default();
        }
        let find = |memo: &Memo| self.side.probe.breaches(memo, &self.numbers, invariant);
        self.answer(memo, self.side, key, find).unwrap_or_default()
    }

    /// The rules that permit the case that was looked at last.
    pub(crate) fn permits(&self, memo: &Memo, assumed: Assumed) -> Vec<String> {
        self.side.probe.permits_of(memo, &self.numbers, assumed)
    }

    /// What is remembered of the case that is looked at; where nothing is, a side's rules are asked first.
    fn answer<T>(
        &self,
        memo: &mut Memo,
        side: &SideAct<'_>,
        key: &[u16],
        find: impl Fn(&Memo) -> Option<T>,
    ) -> Option<T> {
        find(memo).or_else(|| {
            side.with(&self.space.at(key), |case| side.probe.ask(memo, &self.numbers, case));
            find(memo)
        })
    }

    /// The numbers of a case; `None` when not all of its facts can be known.
    fn look(&mut self, memo: &mut Memo, key: &[u16]) -> Option<&[u32]> {
        self.turn_to(memo, key, Column::has_moved);
        self.columns.iter().all(|column| column.known).then_some(self.numbers.as_slice())
    }

    fn turn_to(&mut self, memo: &mut Memo, key: &[u16], moved: impl Fn(&Column, &[u16]) -> bool) {
        let mut new = Vec::new();
        for (at, column) in self.columns.iter_mut().enumerate().filter(|(_, column)| moved(column, key)) {
            if !column.turn_to(key, &mut self.numbers) {
                new.push(at);
            }
        }
        if new.is_empty() {
            return;
        }
        self.side.with(&self.space.at(key), |case| {
            for at in new {
                let column = &mut self.columns[at];
                let cell = self.side.probe.numbers(memo, case, &column.places);
                column.cells.insert(column.at.clone(), cell);
                column.turn_to(key, &mut self.numbers);
            }
        });
    }
}

impl Column {
    fn new(dims: Vec<usize>, place: usize) -> Self {
        Self { dims, places: vec![place], at: Vec::new(), known: false, cells: FxHashMap::default() }
    }

    fn has_moved(&self, key: &[u16]) -> bool {
        self.dims.iter().zip(&self.at).any(|(dim, at)| key[*dim] != *at)
    }

    /// Goes to the cell of a case, and says whether it is filled.
    fn turn_to(&mut self, key: &[u16], numbers: &mut [u32]) -> bool {
        self.at.clear();
        self.at.extend(self.dims.iter().map(|dim| key[*dim]));
        let Some(cell) = self.cells.get(&self.at) else { return false };
        self.known = cell.is_some();
        for (place, number) in self.places.iter().zip(cell.iter().flatten()) {
            numbers[*place] = *number;
        }
        true
    }
}
