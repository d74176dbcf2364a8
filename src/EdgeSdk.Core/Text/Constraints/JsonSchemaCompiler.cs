using System.Text.Json;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// JSON Schema, the parts that tools use. Members come in the schema's order. Members beyond the listed ones are written only where additionalProperties says so
/// outright, or none are listed; oneOf is taken as anyOf. What is not known is refused by its JSON pointer.
/// </summary>
/// <param name="grammar">Takes the schema.</param>
/// <param name="spaced">One space may stand behind commas and colons.</param>
/// <param name="texts">Holds <c>texts</c>, for strings with <c>x-edge-span</c>; otherwise the schema's root is asked for <c>x-edge-texts</c>.</param>
internal sealed class JsonSchemaCompiler(ByteGrammar grammar, bool spaced, JsonElement texts = default)
{
    private const int MostNesting = 64;
    private static readonly string[] Ignored =
    [
        "title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "$defs", "definitions", "deprecated", "readOnly", "writeOnly", "nullable", "discriminator",
        "contentMediaType",
    ];

    private static readonly Dictionary<string, string[]> Known = new()
    {
        [""] = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"],
        ["object"] = ["properties", "required", "additionalProperties", "propertyNames"],
        ["array"] = ["items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"],
        ["string"] = ["minLength", "maxLength", "pattern", "format", "contentEncoding", "x-edge-span"],
        ["number"] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
    };

    private const string Date = @"(?:[12]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)|(?:[12]\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)-02-29)";
    private const string Time = @"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)";
    private const string Octet = @"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?";

    private const string Base64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?";

    private const string Hour = @"\d{1,3}H(?:\d{1,2}M(?:\d{1,2}S)?)?", Minute = @"\d{1,3}M(?:\d{1,2}S)?", Second = @"\d{1,3}S";
    private const string Clock = "T(?:" + Hour + "|" + Minute + "|" + Second + ")";

    /// <summary>Each format as a regular expression (some are subsets), with the fewest and the most characters.</summary>
    private static readonly Dictionary<string, (string Expression, int Shortest, int Longest)> Formats = new()
    {
        ["date"] = (Date, 10, 10),
        ["time"] = (Time, 9, 21),
        ["date-time"] = (Date + "T" + Time, 20, 32),
        ["duration"] = ($@"P(?:\d{{1,3}}W|\d{{1,3}}D(?:{Clock})?|{Clock})", 3, 18),
        ["uuid"] = ("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", 36, 36),
        ["email"] = ($"[A-Za-z0-9_+-]{{1,32}}(?:\\.[A-Za-z0-9_+-]{{1,31}}){{0,2}}@{Label}(?:\\.{Label}){{0,2}}\\.[A-Za-z]{{2,24}}", 6, 220),
        ["hostname"] = ($"{Label}(?:\\.{Label}){{0,4}}", 1, 164),
        ["ipv4"] = ($"{Octet}(?:\\.{Octet}){{3}}", 7, 15),
        ["ipv6"] = ("[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}", 15, 39),
        ["byte"] = (Base64, 0, int.MaxValue), // OpenAPI's word for it
        ["uri"] = ($"https?://{Label}(?:\\.{Label}){{0,4}}(?:/[A-Za-z0-9._~-]{{1,64}}){{0,8}}(?:\\?[A-Za-z0-9._~=&-]{{1,64}})?", 8, 757),
    };

    /// <summary>Formats of numbers that narrow them; others (float, double) do not.</summary>
    private static readonly Dictionary<string, (Bound Least, Bound Most)> Widths = new()
    {
        ["int8"] = (new(sbyte.MinValue, false), new(sbyte.MaxValue, false)),
        ["uint8"] = (new(0, false), new(byte.MaxValue, false)),
        ["int16"] = (new(short.MinValue, false), new(short.MaxValue, false)),
        ["uint16"] = (new(0, false), new(ushort.MaxValue, false)),
        ["int32"] = (new(int.MinValue, false), new(int.MaxValue, false)),
        ["uint32"] = (new(0, false), new(uint.MaxValue, false)),
        ["uint64"] = (new(0, false), new(NumberRange.Most, false)),
    };

    /// <summary>A schema within a schema is two or three levels of JSON.</summary>
    private static readonly JsonDocumentOptions s_deep = new() { MaxDepth = 4 * MostNesting };

    /// <summary>Formats that describe how a string is shown or used, not its characters.</summary>
    private static readonly string[] AnyString = ["password", "path", "file-path", "directory-path"];

    private readonly JsonText _json = new(grammar, spaced);
    private readonly Dictionary<string, int> _references = [];
    private JsonElement _root;
    private int _span = -1;
    private int _nesting;

    public int Compile(string schema)
    {
        using var document = ParseJson(schema, "The JSON schema");
        return grammar.Rule(Schema(document.RootElement));
    }

    /// <summary>A schema of its own, whose references are its own.</summary>
    public Part Schema(JsonElement schema)
    {
        _root = schema;
        _references.Clear();
        return grammar.Call(grammar.Rule(Value(schema, "#")));
    }

    /// <exception cref="EdgeException">InvalidArgument: no JSON.</exception>
    public static JsonDocument ParseJson(string source, string what)
    {
        try
        {
            return JsonDocument.Parse(source, s_deep);
        }
        catch (JsonException e)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{what} is no JSON, or more than {s_deep.MaxDepth} deep (line {e.LineNumber + 1}, byte {e.BytePositionInLine}). Correct it.", e);
        }
    }

    private Part Value(JsonElement schema, string at)
    {
        if (++_nesting > MostNesting)
            throw Refuse(at, $"is nested deeper than {MostNesting}");

        var part = schema.ValueKind switch
        {
            JsonValueKind.True => _json.Value,
            JsonValueKind.Object => Described(schema, at),
            JsonValueKind.False => throw Refuse(at, "is false, which nothing satisfies"),
            _ => throw Refuse(at, "must be an object or true"),
        };
        _nesting--;
        return part;
    }

    private Part Described(JsonElement schema, string at)
    {
        var part = Chosen(schema, at);
        return schema.TryGetProperty("nullable", out var nullable) && nullable.ValueKind == JsonValueKind.True ? grammar.Any([part, grammar.Text("null")]) : part;
    }

    private Part Chosen(JsonElement schema, string at)
    {
        if (schema.TryGetProperty("$ref", out var reference))
            return Alone(schema, at, "$ref", () => Reference(reference, at + "/$ref"));

        if (schema.TryGetProperty("const", out var constant))
            return Alone(schema, at, "const", () => OneOf([constant], schema, at + "/const"), "type", "enum");

        if (schema.TryGetProperty("enum", out var choices))
            return Alone(schema, at, "enum", () => OneOf(Items(choices, at + "/enum"), schema, at + "/enum"), "type");

        foreach (string keyword in (string[])["anyOf", "oneOf"])
        {
            if (schema.TryGetProperty(keyword, out var options))
                return Options(schema, Items(options, $"{at}/{keyword}"), at, keyword);
        }

        if (schema.TryGetProperty("allOf", out var all))
            return Merged(schema, Items(all, at + "/allOf"), at, "allOf");

        return Typed(schema, at);
    }

    private Part OneOf(List<JsonElement> literals, JsonElement schema, string at)
    {
        string[] types = schema.TryGetProperty("type", out _) ? TypesOf(schema, at) : [];
        var fitting = literals.Where(literal => types.Length == 0 || types.Any(type => IsOf(literal, type))).ToLookup(JsonText.IsScalar);
        var parts = fitting[false].Select(_json.Literal).ToList();
        if (fitting[true].Any())
            parts.Add(grammar.OneOf(fitting[true].Select(JsonText.Scalar)));

        return parts.Count > 0 ? grammar.Any(parts) : throw Refuse(at, "holds no value of the schema's type");
    }

    private static bool IsOf(JsonElement literal, string type) => literal.ValueKind switch
    {
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number" || (type == "integer" && literal.TryGetDecimal(out decimal value) && value == decimal.Truncate(value)),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        JsonValueKind.Null => type == "null",
        JsonValueKind.Array => type == "array",
        _ => type == "object",
    };

    /// <summary>anyOf and oneOf. What stands beside them, as in .NET's schemas of polymorphic types, is merged into each option.</summary>
    private Part Options(JsonElement schema, List<JsonElement> options, string at, string keyword)
    {
        if (options.Count == 0)
            throw Refuse($"{at}/{keyword}", "is empty");

        var beside = schema.EnumerateObject().Where(property => property.Name != keyword && !IsIgnored(property.Name) && !SaysNothing(property)).Select(property => property.Name).ToList();
        if (beside.Count == 0)
            return grammar.Any([.. options.Select((option, i) => Value(option, $"{at}/{keyword}/{i}"))]);

        if (beside.Find(name => name is not ("type" or "properties" or "required" or "additionalProperties")) is { } unknown)
            throw Refuse($"{at}/{Pointer(unknown)}", $"stands beside {keyword}, which is not supported");

        string[] types = TypesOf(schema, at);
        if (types.Except(["object", "null"]).Any())
            throw Refuse(at + "/type", $"stands beside {keyword}, which is supported for objects only");

        var parts = options.Select((option, i) => Rule(Merged(schema, [option], $"{at}/{keyword}/{i}", keyword))).ToList();
        if (types.Contains("null") && options.Any(option => option.ValueKind == JsonValueKind.Object && !option.TryGetProperty("type", out _)))
            parts.Add(grammar.Text("null"));

        return grammar.Any(parts);
    }

    /// <summary>A keyword that decides the value: beside it only what is ignored may stand.</summary>
    private static Part Alone(JsonElement schema, string at, string keyword, Func<Part> part, params string[] beside)
    {
        foreach (var property in schema.EnumerateObject())
        {
            if (property.Name != keyword && !beside.Contains(property.Name) && !IsIgnored(property.Name) && !SaysNothing(property))
                throw Refuse($"{at}/{Pointer(property.Name)}", $"stands beside {keyword}, which is not supported");
        }

        return part();
    }

    private Part Typed(JsonElement schema, string at)
    {
        string[] types = TypesOf(schema, at);
        foreach (var property in schema.EnumerateObject())
        {
            bool known = IsIgnored(property.Name) || Known[""].Contains(property.Name)
                || types.Any(type => Known.TryGetValue(type == "integer" ? "number" : type, out var keywords) && keywords.Contains(property.Name))
                || (property.Name == "format" && types.Any(type => type is "integer" or "number"));
            if (!known)
                throw Refuse($"{at}/{Pointer(property.Name)}", "is not supported here");
        }

        return types.Length == 0 ? _json.Value : grammar.Any(types.Select(type => OfType(type, schema, at)).ToList());
    }

    private static string[] TypesOf(JsonElement schema, string at)
    {
        if (!schema.TryGetProperty("type", out var type))
        {
            return Known.Where(kind => kind.Key.Length > 0 && kind.Value.Any(keyword => schema.TryGetProperty(keyword, out _))).Select(kind => kind.Key).ToArray();
        }

        if (type.ValueKind == JsonValueKind.Array && type.GetArrayLength() == 0)
            throw Refuse(at + "/type", "is empty");

        var names = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().ToList() : [type];
        return [.. names.Select(name => name.ValueKind == JsonValueKind.String ? name.GetString()! : throw Refuse(at + "/type", "must be a name or a list of names"))];
    }

    private Part OfType(string type, JsonElement schema, string at) => type switch
    {
        "null" => grammar.Text("null"),
        "boolean" => grammar.Any([grammar.Text("true"), grammar.Text("false")]),
        "integer" => Integer(schema, at),
        "number" => Number(schema, at),
        "string" => String(schema, at),
        "array" => Array(schema, at),
        "object" => Object(schema, at),
        _ => throw Refuse(at + "/type", "is no type of JSON Schema"),
    };

    private Part Integer(JsonElement schema, string at) => Bounds(schema, at) is not var (least, most) ? _json.Integer
        : Between(least, most, at, "integer", NumberRange.Integers);

    private Part Number(JsonElement schema, string at) => Bounds(schema, at) is not var (least, most) ? _json.Number
        : Between(least, most, at, "number", NumberRange.Numbers);

    private Part Between(Bound least, Bound most, string at, string what, Func<ByteGrammar, Bound, Bound, Part?> range) =>
        (least.Value > most.Value ? null : range(grammar, least, most)) ?? throw Refuse(at, $"has bounds that no {what} lies between");

    /// <summary>Null: any number. Bounds beyond the digits that numbers have are those that the digits set.</summary>
    private static (Bound Least, Bound Most)? Bounds(JsonElement schema, string at)
    {
        Bound least = new(-NumberRange.Most, false), most = new(NumberRange.Most, false);
        bool any = false;
        if (schema.TryGetProperty("format", out var format) && format.ValueKind == JsonValueKind.String && Widths.TryGetValue(format.GetString()!, out var width))
        {
            Narrow(width.Least, isLeast: true);
            Narrow(width.Most, isLeast: false);
        }

        foreach (var (keyword, other, isLeast) in (ReadOnlySpan<(string, string, bool)>)[("minimum", "exclusiveMinimum", true), ("maximum", "exclusiveMaximum", false)])
        {
            // In draft 4, and OpenAPI 3.0 with it, the exclusive keyword is a boolean that belongs to the other one.
            bool opens = schema.TryGetProperty(other, out var exclusive) && exclusive.ValueKind == JsonValueKind.True;
            if (schema.TryGetProperty(keyword, out var inclusive))
                Narrow(new(Value(inclusive, $"{at}/{keyword}"), opens), isLeast);

            if (exclusive.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.True or JsonValueKind.False))
                Narrow(new(Value(exclusive, $"{at}/{other}"), true), isLeast);
        }

        return any ? (least, most) : null;

        void Narrow(Bound bound, bool isLeast)
        {
            any = true;
            if (isLeast && (bound.Value > least.Value || (bound.Value == least.Value && bound.IsOpen)))
                least = bound;

            if (!isLeast && (bound.Value < most.Value || (bound.Value == most.Value && bound.IsOpen)))
                most = bound;
        }

        static decimal Value(JsonElement bound, string at)
        {
            if (bound.ValueKind != JsonValueKind.Number)
                throw Refuse(at, "must be a number");

            if (!bound.TryGetDecimal(out decimal value))
                return bound.GetRawText().StartsWith('-') ? decimal.MinValue : decimal.MaxValue;

            return value == decimal.Round(value, NumberRange.Digits) ? value : throw Refuse(at, $"has more than {NumberRange.Digits} digits behind the point");
        }
    }

    private Part String(JsonElement schema, string at)
    {
        if (schema.TryGetProperty("x-edge-span", out var spans) && spans.ValueKind == JsonValueKind.True)
            return _json.Quoted(Span(at));

        bool counted = schema.TryGetProperty("minLength", out _) || schema.TryGetProperty("maxLength", out _);
        if (schema.TryGetProperty("pattern", out var pattern))
        {
            if (counted || pattern.ValueKind != JsonValueKind.String || schema.TryGetProperty("format", out _))
                throw Refuse(at + "/pattern", "must be a string, without format, minLength or maxLength beside it");

            return _json.Quoted(Rule(new RegexParser(grammar, pattern.GetString()!, _json.OneOf).Anywhere()));
        }

        var (least, most) = Counts(schema, at, "minLength", "maxLength");
        if (schema.TryGetProperty("contentEncoding", out var encoding))
        {
            return encoding.ValueKind == JsonValueKind.String && encoding.GetString() == "base64" && !counted ? _json.Quoted(Rule(new RegexParser(grammar, Base64, _json.OneOf).Whole()))
                : throw Refuse(at + "/contentEncoding", "is supported as base64 alone, without minLength and maxLength");
        }

        if (schema.TryGetProperty("format", out var format) && !(format.ValueKind == JsonValueKind.String && AnyString.Contains(format.GetString())))
            return Formatted(format, least, most, at);

        return counted ? _json.Quoted(grammar.Repeat(_json.Character, least, most)) : _json.String;
    }

    /// <summary>A format, whose own lengths must lie within those that the schema wants.</summary>
    private Part Formatted(JsonElement format, int least, int? most, string at)
    {
        if (format.ValueKind != JsonValueKind.String || !Formats.TryGetValue(format.GetString()!, out var known))
            throw Refuse(at + "/format", $"is not supported; {string.Join(", ", Formats.Keys)} are");

        if (least > known.Shortest || most < known.Longest)
            throw Refuse(at + "/format", $"is written with {known.Shortest} to {known.Longest} characters, which minLength or maxLength forbid");

        return grammar.Shared("format " + format.GetString(), () => _json.Quoted(new RegexParser(grammar, known.Expression, _json.OneOf).Whole()));
    }

    private Part Rule(Part part) => grammar.Call(grammar.Rule(part));

    private Part Array(JsonElement schema, string at)
    {
        var (least, most) = Counts(schema, at, "minItems", "maxItems");
        if (schema.TryGetProperty("uniqueItems", out var unique) && unique.ValueKind != JsonValueKind.False)
            throw Refuse(at + "/uniqueItems", "is not supported");

        // Before draft 2020-12 a list of items was what prefixItems are now.
        bool isTuple = schema.TryGetProperty("items", out var items) && items.ValueKind == JsonValueKind.Array;
        var (prefixName, itemName) = isTuple ? ("items", "additionalItems") : ("prefixItems", "items");
        var item = schema.TryGetProperty(itemName, out items) && items.ValueKind != JsonValueKind.False ? Rule(Value(items, $"{at}/{itemName}")) : null;
        if (items.ValueKind == JsonValueKind.Undefined)
            item = _json.Value;

        if (!schema.TryGetProperty(prefixName, out var prefix))
            return _json.Array(item ?? _json.Value, least, item is null ? 0 : most);

        var parts = Items(prefix, $"{at}/{prefixName}").Select((p, i) => Rule(Value(p, $"{at}/{prefixName}/{i}"))).ToList();
        int fixedItems = Math.Min(parts.Count, most ?? int.MaxValue);
        if (item is null && least > fixedItems)
            throw Refuse(at + "/minItems", "is more than its items allow");

        // From the last item to the first: each may be the last one, once there are enough.
        var rest = item is null ? ByteGrammar.Empty : grammar.Repeat(ByteGrammar.Sequence(_json.Comma, item), Math.Max(0, least - fixedItems), most - fixedItems);
        for (int i = fixedItems - 1; i >= 0; i--)
        {
            rest = ByteGrammar.Sequence(i == 0 ? ByteGrammar.Empty : _json.Comma, parts[i], rest);
            if (least <= i)
                rest = grammar.Optional(rest);
        }

        return ByteGrammar.Sequence(grammar.Text("["), rest, grammar.Text("]"));
    }

    private Part Object(JsonElement schema, string at)
    {
        var required = schema.TryGetProperty("required", out var names)
            ? Items(names, at + "/required").Select(n => n.ValueKind == JsonValueKind.String ? n.GetString()! : throw Refuse(at + "/required", "must hold strings")).ToHashSet() : [];
        var members = new List<(string Name, Part Pair)>();
        var listed = new HashSet<string>();
        if (schema.TryGetProperty("properties", out var properties))
        {
            if (properties.ValueKind != JsonValueKind.Object)
                throw Refuse(at + "/properties", "must be an object");

            foreach (var property in properties.EnumerateObject())
            {
                if (!listed.Add(property.Name))
                    throw Refuse($"{at}/properties/{Pointer(property.Name)}", "stands twice");

                members.Add((property.Name, Member(property.Name, Rule(Value(property.Value, $"{at}/properties/{Pointer(property.Name)}")))));
            }
        }

        if (schema.TryGetProperty("propertyNames", out var propertyNames) && propertyNames.GetRawText() is not ("{}" or "true" or "{\"type\":\"string\"}"))
            throw Refuse(at + "/propertyNames", "is not supported, but for any string");

        bool stated = schema.TryGetProperty("additionalProperties", out var additional) && additional.ValueKind != JsonValueKind.False;
        bool open = stated || (additional.ValueKind == JsonValueKind.Undefined && members.Count == 0);
        var more = stated ? Rule(Value(additional, at + "/additionalProperties")) : _json.Value;
        foreach (string name in required.Where(name => !listed.Contains(name)))
            members.Add((name, open || additional.ValueKind == JsonValueKind.Undefined ? Member(name, more) : throw Refuse(at + "/required", $"names {name}, which additionalProperties forbids")));

        return ByteGrammar.Sequence(grammar.Text("{"), Members(members, required, open ? Others(members.Select(m => m.Name), more) : null), grammar.Text("}"));
    }

    private Part Member(string name, Part value) => ByteGrammar.Sequence(grammar.Text('"' + JsonText.Spell(name) + '"'), _json.Colon, value);

    /// <summary>Members in order, those that are not required left out or not: two chains of nodes, before the first member and behind it.</summary>
    private Part Members(List<(string Name, Part Pair)> members, HashSet<string> required, Part? others) => next =>
    {
        var following = others is null ? ByteGrammar.Empty : grammar.Star(ByteGrammar.Sequence(_json.Comma, others));
        int later = following(next);
        int first = others is null ? next : grammar.Optional(ByteGrammar.Sequence(others, following))(next);
        for (int i = members.Count - 1; i >= 0; i--)
        {
            int pairThenLater = grammar.Call(grammar.Rule(members[i].Pair))(later);
            int separated = _json.Comma(pairThenLater);
            bool needed = required.Contains(members[i].Name);
            first = needed ? pairThenLater : Either(pairThenLater, first);
            later = needed ? separated : Either(separated, later);
        }

        return first;
    };

    private int Either(int one, int other) => grammar.Any([_ => one, _ => other])(0);

    /// <summary>A member whose name is none of <paramref name="listed"/>.</summary>
    private Part Others(IEnumerable<string> listed, Part value) => ByteGrammar.Sequence(_json.Quoted(NameExcept([.. listed], 0)), _json.Colon, value);

    /// <summary>A tree of the names' characters. Each branch is made when it is written, so that a tree beyond the nodes allowed is never made as a whole.</summary>
    private Part NameExcept(string[] listed, int depth) => next =>
    {
        var any = grammar.Shared("plain", () => grammar.Star(JsonText.Plain.Utf8(grammar)));
        if (listed.Length == 0)
            return any(next);

        var parts = new List<Part>();
        if (!listed.Any(name => name.Length == 0))
            parts.Add(ByteGrammar.Empty);

        var byFirst = listed.Where(name => name.Length > 0).GroupBy(name => char.ConvertToUtf32(name, 0)).ToList();
        if (depth >= MostNesting || listed.Any(name => name.Any(char.IsSurrogate)))
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The JSON schema has additionalProperties beside property names longer than {MostNesting} characters or beyond the basic plane, which is not supported.");

        foreach (var group in byFirst)
        {
            if (JsonText.Plain.Contains(group.Key))
                parts.Add(ByteGrammar.Sequence(CodePoints.Of(group.Key).Utf8(grammar), NameExcept([.. group.Select(name => name[1..])], depth + 1)));
        }

        var rest = CodePoints.Of([.. byFirst.Select(group => group.Key)]).Not().And(JsonText.Plain);
        parts.Add(ByteGrammar.Sequence(rest.Utf8(grammar), any));
        return grammar.Any(parts)(next);
    };

    private Part Reference(JsonElement reference, string at)
    {
        string target = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : throw Refuse(at, "must be a string");
        if (_references.TryGetValue(target, out int known))
            return grammar.Call(known);

        if (!target.StartsWith('#'))
            throw Refuse(at, "must stay in the document (#...)");

        var found = _root;
        foreach (string step in target[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            bool isThere = found.ValueKind == JsonValueKind.Object ? found.TryGetProperty(name, out found)
                : found.ValueKind == JsonValueKind.Array && int.TryParse(name, out int index) && index >= 0 && index < found.GetArrayLength() && (found = found[index]).ValueKind != JsonValueKind.Undefined;
            if (!isThere)
                throw Refuse(at, "leads nowhere");
        }

        int rule = grammar.Declare(target);
        _references.Add(target, rule);
        int kept = _nesting;
        grammar.Define(rule, Value(found, target));
        _nesting = kept;
        return grammar.Call(rule);
    }

    /// <summary>Objects that must all hold: their members together.</summary>
    /// <param name="schema">Holds the others under <paramref name="keyword"/>.</param>
    /// <param name="all">The others.</param>
    /// <param name="at">Where that is.</param>
    /// <param name="keyword">allOf, anyOf or oneOf.</param>
    private Part Merged(JsonElement schema, List<JsonElement> all, string at, string keyword)
    {
        using var stream = new MemoryStream();
        var parts = new List<JsonElement> { schema };
        foreach (var part in all)
            parts.Add(part.ValueKind == JsonValueKind.Object && part.TryGetProperty("$ref", out var reference) ? Resolved(reference, at) : part);

        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "object");
            writer.WriteStartObject("properties");
            var met = new HashSet<string>();
            foreach (var part in parts)
            {
                if (part.ValueKind != JsonValueKind.Object)
                    throw Refuse($"{at}/{keyword}", "must hold objects");

                foreach (var property in part.EnumerateObject())
                {
                    bool isMerged = property.Name is "properties" or "required" or "additionalProperties" or "type";
                    if (!isMerged && !IsIgnored(property.Name) && !(property.Name == keyword && part.Equals(schema)))
                        throw Refuse($"{at}/{keyword}", $"holds {property.Name}; only objects with properties, required and additionalProperties are merged");
                }

                if (part.TryGetProperty("additionalProperties", out var additional) && additional.ValueKind == JsonValueKind.Object)
                    throw Refuse($"{at}/{keyword}", "holds a schema of additionalProperties, which is not merged");

                if (part.TryGetProperty("type", out _) && !TypesOf(part, at).Contains("object"))
                    throw Refuse($"{at}/{keyword}", "must hold objects");

                if (!part.TryGetProperty("properties", out var properties))
                    continue;

                foreach (var property in properties.EnumerateObject())
                {
                    if (!met.Add(property.Name))
                        throw Refuse($"{at}/{keyword}", $"describes {property.Name} twice");

                    property.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
            writer.WriteStartArray("required");
            foreach (var name in parts.SelectMany(part => part.TryGetProperty("required", out var names) ? Items(names, at + "/required") : []))
                name.WriteTo(writer);

            writer.WriteEndArray();
            writer.WriteBoolean("additionalProperties", false);
            writer.WriteEndObject();
        }

        using var merged = JsonDocument.Parse(stream.ToArray(), s_deep);
        return Typed(merged.RootElement.Clone(), at);
    }

    private JsonElement Resolved(JsonElement reference, string at)
    {
        string target = reference.GetString() ?? "";
        var found = _root;
        foreach (string name in target.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found))
                throw Refuse(at + "/allOf", "has a $ref that leads nowhere");
        }

        return found;
    }

    /// <summary>A piece of the given texts that begins and ends where a word does.</summary>
    private Part Span(string at)
    {
        if (_span >= 0)
            return grammar.Call(_span);

        var source = texts.ValueKind == JsonValueKind.Object && texts.TryGetProperty("texts", out var given) ? given
            : _root.ValueKind == JsonValueKind.Object && _root.TryGetProperty("x-edge-texts", out given) ? given : throw Refuse(at + "/x-edge-span", "needs texts: x-edge-texts at the schema's root");
        var all = Items(source, "#/x-edge-texts").Select(t => t.ValueKind == JsonValueKind.String ? t.GetString()! : throw Refuse("#/x-edge-texts", "must hold strings")).ToList();
        _span = grammar.Rule(next =>
        {
            var starts = new List<Part>();
            foreach (string text in all)
            {
                int following = -1;
                for (int i = text.Length - 1; i >= 0; i--)
                {
                    bool ends = IsWord(text, i) && !IsWord(text, i + 1);
                    int length = char.IsLowSurrogate(text[i]) && i > 0 ? 2 : 1;
                    i -= length - 1;
                    int after = ends ? (following < 0 ? next : grammar.Optional(Fixed(following))(next)) : following;
                    following = after < 0 ? -1 : grammar.Text(JsonText.Spell(text.Substring(i, length)))(after);
                    if (following >= 0 && IsWord(text, i) && !IsWord(text, i - 1))
                        starts.Add(Fixed(following));
                }
            }

            return starts.Count > 0 ? grammar.Any(starts)(next) : throw Refuse("#/x-edge-texts", "have no word");
        });
        return grammar.Call(_span);

        static Part Fixed(int node) => _ => node;
    }

    private static bool IsWord(string text, int i) => i >= 0 && i < text.Length && (char.IsLetterOrDigit(text[i]) || char.IsSurrogate(text[i]));

    private static (int Least, int? Most) Counts(JsonElement schema, string at, string least, string most)
    {
        int low = Count(schema, at, least) ?? 0;
        int? high = Count(schema, at, most);
        return high < low ? throw Refuse($"{at}/{most}", $"is less than {least}") : (low, high);
    }

    private static int? Count(JsonElement schema, string at, string keyword)
    {
        if (!schema.TryGetProperty(keyword, out var value))
            return null;

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int count) && count is >= 0 and <= ByteGrammar.MostCount ? count
            : throw Refuse($"{at}/{keyword}", $"must be an integer in 0 to {ByteGrammar.MostCount}");
    }

    private static List<JsonElement> Items(JsonElement array, string at) => array.ValueKind == JsonValueKind.Array ? [.. array.EnumerateArray()] : throw Refuse(at, "must be an array");

    private static bool IsIgnored(string keyword) => Ignored.Contains(keyword) || (keyword.StartsWith("x-", StringComparison.Ordinal) && keyword != "x-edge-span");

    /// <summary>What System.Text.Json leaves beside a $ref.</summary>
    private static bool SaysNothing(JsonProperty property) => property.Name is "items" or "additionalProperties"
        && (property.Value.ValueKind == JsonValueKind.True || (property.Value.ValueKind == JsonValueKind.Object && property.Value.GetPropertyCount() == 0));

    private static string Pointer(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static EdgeException Refuse(string at, string what) => new(EdgeErrorCode.InvalidArgument, $"The JSON schema's {Constraint.Brief(at)} {Constraint.Brief(what)}. Change it, or leave it out.");
}
