"""A parser for PartiQL's statements, in DynamoDB's dialect: text to a tree, once; trees are kept.

    SELECT * | path, ... FROM "table"["."index"] [WHERE condition] [ORDER BY key [ASC | DESC], ...]
    INSERT INTO "table" VALUE {...}
    UPDATE "table" {SET path = value, ... | REMOVE path, ...} [WHERE ...] [RETURNING ...]
    FROM "table" [WHERE ...] {SET ... | REMOVE ...} [RETURNING ...]
    DELETE FROM "table" [WHERE ...] [RETURNING ...]
    EXISTS(SELECT ...)

From "PartiQL statements for DynamoDB" in the Developer Guide; the order in which errors are told is
that of the text.
"""

from functools import lru_cache

from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.partiqlexpressions import ExpressionParser
from antipodes.regional.dynamodb.partiqllexer import malformed
from antipodes.regional.dynamodb.partiqltree import (
    Assignment,
    Delete,
    Exists,
    Expression,
    Insert,
    Order,
    Path,
    Select,
    Source,
    Statement,
    Struct,
    Update,
)

PATHS_IN_SOURCE_MAX = 2
LEFTOVER = "Unexpected token after expression"
_CLAUSES = ("GROUP", "HAVING", "LIMIT", "OFFSET", "LET", "UNION", "INTERSECT", "EXCEPT")
_JOINS = ("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS")


@lru_cache(maxsize=1024)
def parse(text: str) -> Statement:
    """Parse a statement."""
    parser = _StatementParser(text)
    body = parser.statement()
    parser.end()
    return Statement(text, body, parser.parameters)


class _StatementParser(ExpressionParser):
    """A cursor that knows statements."""

    def statement(self) -> Select | Insert | Update | Delete | Exists:
        """Take a statement."""
        if self.accept("SELECT"):
            return self._select()
        if self.accept("INSERT", "INTO"):
            return self._insert()
        if self.accept("UPDATE"):
            return self._update()
        if self.accept("FROM"):
            return self._update_from()
        if self.accept("DELETE", "FROM"):
            return self._delete()
        if self.accept("EXISTS"):
            self.expect("(")
            if not self.accept("SELECT"):
                raise malformed("Expected SELECT in EXISTS")
            select = self._select()
            self.expect(")")
            return Exists(select)
        raise malformed("Expected data manipulation")

    def end(self) -> None:
        """Nothing may follow but a semicolon."""
        if self.symbol(";"):
            self.advance()
        if self.token.kind != "end":
            raise malformed(LEFTOVER)

    # Clauses.

    def _source(self, *, aliases: bool = True) -> Source:
        """Take a table or index."""
        token = self.token
        if token.kind == "string" or self.symbol("[", "<<", "{", "(", "?"):
            raise validation("Unexpected from source")
        steps = self._source_steps()
        if len(steps) > PATHS_IN_SOURCE_MAX:
            raise validation("A path may contain at most 2 components in the FROM clause")
        if "" in steps:
            raise validation("Path component cannot be an empty string")
        if self.symbol(","):
            raise validation("Only select from a single table or index is supported.")
        token = self.token
        named = token.kind == "quoted" or (token.kind == "name" and not self.reserved(token))
        if aliases and (named or token.word == "AS") and token.word not in _CLAUSES:
            raise validation("Aliasing is not supported")
        return Source(*steps)

    def _source_steps(self) -> list[str]:
        if self.token.kind != "quoted" and (self.token.kind != "name" or self.reserved(self.token)):
            raise malformed("Expected identifier for simple path")
        steps = [self.advance().text]
        while self.symbol("."):
            self.advance()
            if self.token.kind not in {"quoted", "name"} or self.reserved(self.token):
                raise malformed("Invalid path dot component")
            steps.append(self.advance().text)
        return steps

    def _where(self) -> Expression | None:
        return self.expression() if self.accept("WHERE") else None

    def _returning(self) -> str:
        """Take a RETURNING clause: "ALL NEW" and the like, or nothing."""
        if not self.accept("RETURNING"):
            return ""
        which, age = self.advance().word, self.advance().word
        if which not in {"ALL", "MODIFIED"} or age not in {"OLD", "NEW"}:
            raise malformed("Expected ALL or MODIFIED, and NEW or OLD, in RETURNING clause")
        if not self.symbol("*"):
            raise validation(
                "Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause"
            )
        self.advance()
        if self.symbol(","):
            raise validation("Invalid syntax with multiple returning elements in RETURNING clause")
        return f"{which} {age}"

    # Statements.

    def _select(self) -> Select:
        if self.token.word in {"VALUE", "PIVOT"}:
            raise validation("Select projection doesn't support value or pivot keywords")
        if self.token.word == "DISTINCT":
            self._unsupported("DISTINCT")
        columns = self._columns()
        if not self.accept("FROM"):
            raise malformed("Expected FROM")
        if self.token.kind == "end" or self.symbol(";"):
            raise malformed("Unexpected term")
        source = self._source()
        if self.token.word in _JOINS:
            raise validation("Only select from a single table or index is supported.")
        where = self._where()
        for clause in _CLAUSES:
            if self.token.word == clause:
                self.advance()
                self._unsupported(clause)
        orders = self._orders() if self.accept("ORDER", "BY") else ()
        if self.accept("LIMIT"):
            self._unsupported("LIMIT")
        return Select(source, columns, where, orders)

    def _unsupported(self, clause: str) -> None:
        token = self.token
        raise validation(f"Unsupported clause: {clause} at {self.place(token.at, token.length)}")

    def _columns(self) -> tuple[Path, ...]:
        """Take what is asked for; nothing stands for everything."""
        if self.symbol("*"):
            self.advance()
            if self.symbol(","):
                raise validation(
                    "Other attributes should not be present in the projection when '*' is used."
                )
            return ()
        columns = [self._column()]
        while self.symbol(","):
            self.advance()
            if self.symbol("*"):
                raise validation(
                    "Other attributes should not be present in the projection when '*' is used."
                )
            columns.append(self._column())
        names = [column_name(column) for column in columns]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise validation(f"Duplicate identifiers in select clause: {name}")
        return tuple(columns)

    def _column(self) -> Path:
        token = self.token
        column = self.expression()
        if not isinstance(column, Path):
            raise validation(f"Unexpected path component at {self.place(token.at, token.length)}")
        if self.token.word == "AS" or (
            self.token.kind in {"name", "quoted"} and not self.reserved(self.token)
        ):
            raise validation("Aliasing is not supported")
        return column

    def _orders(self) -> tuple[Order, ...]:
        orders = [self._order()]
        while self.symbol(","):
            self.advance()
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> Order:
        key = self.expression()
        if not isinstance(key, Path) or len(key.steps) > 1:
            kind = type(key).__name__
            raise validation(
                f"Argument to ORDER BY must be of type VariableReference. Type: {kind}"
            )
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        return Order(str(key.steps[0]), descending)

    def _insert(self) -> Insert:
        source = self._source(aliases=False)
        if source.index:
            raise validation(
                "FROM clause may only contain a single table name in data manipulation statements"
            )
        if self.accept("VALUES") or self.symbol("<<", "("):
            raise _several()
        if not self.accept("VALUE"):
            raise malformed(LEFTOVER)
        if self.symbol("<<", "[", "("):
            raise _several()
        item = self.expression()
        if not isinstance(item, Struct):
            raise validation(
                "Unsupported format in item expression. Please use struct format {...} to express "
                "item values for insert statement."
            )
        if self.token.word == "AT":
            raise validation("AT is not supported in insert statements.")
        if self.token.word == "RETURNING":
            raise validation("RETURNING is not supported in INSERT")
        return Insert(source, item)

    def _update(self) -> Update:
        source = self._source()
        actions = self._actions()
        where = self._where()
        return Update(source, actions, where, self._returning())

    def _update_from(self) -> Update:
        source = self._source()
        where = self._where()
        actions = self._actions()
        return Update(source, actions, where, self._returning())

    def _actions(self) -> tuple[Assignment, ...]:
        """Take the SETs and REMOVEs of an update."""
        actions: list[Assignment] = []
        while self.token.word in {"SET", "REMOVE"}:
            section = self.advance().word
            actions.append(self._action(section))
            while self.symbol(","):
                self.advance()
                actions.append(self._action(section))
        if not actions:
            raise malformed("Expected data manipulation")
        return tuple(actions)

    def _action(self, section: str) -> Assignment:
        path = self.path()
        if section == "REMOVE":
            return Assignment(path, None)
        self.expect("=")
        return Assignment(path, self.expression())

    def _delete(self) -> Delete:
        source = self._source()
        where = self._where()
        returning = self._returning()
        if returning not in {"", "ALL OLD"}:
            raise validation(
                f"Invalid returning clause: RETURNING {returning} *. Only RETURNING ALL OLD * is "
                "allowed in DELETE statements."
            )
        return Delete(source, where, returning)


def _several() -> Exception:
    return validation(
        "Unsupported operation: Inserting multiple items in a single statement is not supported, "
        'use "INSERT INTO tableName VALUE item" instead'
    )


def column_name(column: Path) -> str:
    """What a column is called in the answer: its last name, with the indexes after it."""
    last = max(number for number, step in enumerate(column.steps) if isinstance(step, str))
    indexes = "".join(f"[{step}]" for step in column.steps[last + 1 :])
    return f"{column.steps[last]}{indexes}"
