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
        "title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "$defs", "definitions", "deprecated", "readOnly", "writeOnly", "nullable",
    ];

    private static readonly Dictionary<string, string[]> Known = new()
    {
        [""] = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"],
        ["object"] = ["properties", "required", "additionalProperties"],
        ["array"] = ["items", "prefixItems", "minItems", "maxItems"],
        ["string"] = ["minLength", "maxLength", "pattern", "format", "x-edge-span"],
        ["number"] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
    };

    private const string Date = @"(?:[12]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)|(?:[12]\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)-02-29)";
    private const string Time = @"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)";
    private const string Octet = @"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?";

    private static readonly Dictionary<string, string> Formats = new()
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = Date + "T" + Time,
        ["uuid"] = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        ["email"] = $"[A-Za-z0-9_+-]{{1,32}}(?:\\.[A-Za-z0-9_+-]{{1,31}}){{0,2}}@{Label}(?:\\.{Label}){{1,3}}",
        ["hostname"] = $"{Label}(?:\\.{Label}){{0,4}}",
        ["uri"] = $"https?://{Label}(?:\\.{Label}){{0,4}}(?:/[A-Za-z0-9._~-]{{1,64}}){{0,8}}(?:\\?[A-Za-z0-9._~=&-]{{1,64}})?",
        ["ipv4"] = $"{Octet}(?:\\.{Octet}){{3}}",
    };

    private readonly JsonText json = new(grammar, spaced);
    private readonly Dictionary<string, int> references = [];
    private JsonElement root;
    private int span = -1;
    private int nesting;

    public int Compile(string schema)
    {
        using var document = ParseJson(schema, "The JSON schema");
        return grammar.Rule(Schema(document.RootElement));
    }

    /// <summary>A schema of its own, whose references are its own.</summary>
    public Part Schema(JsonElement schema)
    {
        root = schema;
        references.Clear();
        return grammar.Call(grammar.Rule(Value(schema, "#")));
    }

    /// <exception cref="EdgeException">InvalidArgument: no JSON.</exception>
    public static JsonDocument ParseJson(string source, string what)
    {
        try
        {
            return JsonDocument.Parse(source);
        }
        catch (JsonException e)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{what} is no JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}). Correct it.", e);
        }
    }

    private Part Value(JsonElement schema, string at)
    {
        if (++nesting > MostNesting)
            throw Refuse(at, $"is nested deeper than {MostNesting}");

        var part = schema.ValueKind switch
        {
            JsonValueKind.True => json.Value,
            JsonValueKind.Object => Described(schema, at),
            JsonValueKind.False => throw Refuse(at, "is false, which nothing satisfies"),
            _ => throw Refuse(at, "must be an object or true"),
        };
        nesting--;
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
            return Alone(schema, at, "const", () => json.Literal(constant), "type");

        if (schema.TryGetProperty("enum", out var choices))
            return Alone(schema, at, "enum", () => Items(choices, at + "/enum").Select(json.Literal).ToList() is { Count: > 0 } parts ? grammar.Any(parts) : throw Refuse(at + "/enum", "is empty"), "type");

        foreach (string keyword in (string[])["anyOf", "oneOf"])
        {
            if (schema.TryGetProperty(keyword, out var options))
            {
                return Alone(schema, at, keyword, () => Items(options, $"{at}/{keyword}").Select((o, i) => Value(o, $"{at}/{keyword}/{i}")).ToList() is { Count: > 0 } parts
                    ? grammar.Any(parts) : throw Refuse($"{at}/{keyword}", "is empty"));
            }
        }

        if (schema.TryGetProperty("allOf", out var all))
            return Merged(schema, Items(all, at + "/allOf"), at);

        return Typed(schema, at);
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

        return types.Length == 0 ? json.Value : grammar.Any(types.Select(type => OfType(type, schema, at)).ToList());
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

    private Part Integer(JsonElement schema, string at)
    {
        var (least, most) = Bounds(schema, at);
        return least is null && most is null ? json.Integer : IntegerRange.Of(grammar, least ?? -IntegerRange.Most, most ?? IntegerRange.Most);
    }

    /// <summary>Bounds of numbers are whole: integers between them, with a fraction where that stays between them.</summary>
    private Part Number(JsonElement schema, string at)
    {
        var (least, most) = Bounds(schema, at);
        if (least is null && most is null)
            return json.Number;

        var (low, high) = (least ?? -IntegerRange.Most, most ?? IntegerRange.Most);
        var fraction = ByteGrammar.Sequence(grammar.Text("."), grammar.Repeat(grammar.Range('0', '9'), 1, 15));
        var parts = new List<Part> { IntegerRange.Of(grammar, low, high) };
        if (high > 0 && low < high)
            parts.Add(ByteGrammar.Sequence(IntegerRange.Of(grammar, Math.Max(0, low), high - 1), fraction));

        if (low < 0 && low < high)
            parts.Add(ByteGrammar.Sequence(grammar.Text("-"), IntegerRange.Of(grammar, Math.Max(0, -high), -low - 1), fraction));

        return grammar.Any(parts);
    }

    private static (long? Least, long? Most) Bounds(JsonElement schema, string at)
    {
        long? least = null, most = null;
        foreach (var (keyword, isLeast, inward) in (ReadOnlySpan<(string, bool, int)>)[("minimum", true, 0), ("exclusiveMinimum", true, 1), ("maximum", false, 0), ("exclusiveMaximum", false, -1)])
        {
            if (!schema.TryGetProperty(keyword, out var bound))
                continue;

            if (bound.ValueKind != JsonValueKind.Number || !bound.TryGetInt64(out long value) || Math.Abs((double)value) >= IntegerRange.Most)
                throw Refuse($"{at}/{keyword}", $"must be an integer of at most {IntegerRange.Digits} digits");

            if (isLeast)
                least = Math.Max(least ?? long.MinValue, value + inward);
            else
                most = Math.Min(most ?? long.MaxValue, value + inward);
        }

        return least > most ? throw Refuse(at, "has bounds that no number lies between") : (least, most);
    }

    private Part String(JsonElement schema, string at)
    {
        if (schema.TryGetProperty("x-edge-span", out var spans) && spans.ValueKind == JsonValueKind.True)
            return json.Quoted(Span(at));

        bool counted = schema.TryGetProperty("minLength", out _) || schema.TryGetProperty("maxLength", out _);
        if (schema.TryGetProperty("pattern", out var pattern))
        {
            if (counted || pattern.ValueKind != JsonValueKind.String || schema.TryGetProperty("format", out _))
                throw Refuse(at + "/pattern", "must be a string, without format, minLength or maxLength beside it");

            return json.Quoted(Rule(new RegexParser(grammar, pattern.GetString()!, json.OneOf).Anywhere()));
        }

        if (schema.TryGetProperty("format", out var format) && format.ValueKind == JsonValueKind.String && Formats.TryGetValue(format.GetString()!, out string? expression))
            return counted ? throw Refuse(at + "/format", "has minLength or maxLength beside it, which is not supported") : json.Quoted(Rule(new RegexParser(grammar, expression, json.OneOf).Whole()));

        if (format.ValueKind != JsonValueKind.Undefined)
            throw Refuse(at + "/format", $"is not supported; {string.Join(", ", Formats.Keys)} are");

        var (least, most) = Counts(schema, at, "minLength", "maxLength");
        return json.Quoted(grammar.Repeat(json.Character, least, most));
    }

    private Part Rule(Part part) => grammar.Call(grammar.Rule(part));

    private Part Array(JsonElement schema, string at)
    {
        var (least, most) = Counts(schema, at, "minItems", "maxItems");
        var item = schema.TryGetProperty("items", out var items) && items.ValueKind != JsonValueKind.False ? Rule(Value(items, at + "/items")) : null;
        if (items.ValueKind == JsonValueKind.Undefined)
            item = json.Value;

        if (!schema.TryGetProperty("prefixItems", out var prefix))
            return json.Array(item ?? json.Value, least, item is null ? 0 : most);

        var parts = Items(prefix, at + "/prefixItems").Select((p, i) => Rule(Value(p, $"{at}/prefixItems/{i}"))).ToList();
        int fixedItems = Math.Min(parts.Count, most ?? int.MaxValue);
        if (item is null && least > fixedItems)
            throw Refuse(at + "/minItems", "is more than prefixItems and items allow");

        // From the last item to the first: each may be the last one, once there are enough.
        var rest = item is null ? ByteGrammar.Empty : grammar.Repeat(ByteGrammar.Sequence(json.Comma, item), Math.Max(0, least - fixedItems), most - fixedItems);
        for (int i = fixedItems - 1; i >= 0; i--)
        {
            rest = ByteGrammar.Sequence(i == 0 ? ByteGrammar.Empty : json.Comma, parts[i], rest);
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
        if (schema.TryGetProperty("properties", out var properties))
        {
            if (properties.ValueKind != JsonValueKind.Object)
                throw Refuse(at + "/properties", "must be an object");

            foreach (var property in properties.EnumerateObject())
                members.Add((property.Name, Member(property.Name, Rule(Value(property.Value, $"{at}/properties/{Pointer(property.Name)}")))));
        }

        bool stated = schema.TryGetProperty("additionalProperties", out var additional) && additional.ValueKind != JsonValueKind.False;
        bool open = stated || (additional.ValueKind == JsonValueKind.Undefined && members.Count == 0);
        var more = stated ? Rule(Value(additional, at + "/additionalProperties")) : json.Value;
        foreach (string name in required.Where(name => members.All(m => m.Name != name)))
            members.Add((name, open || additional.ValueKind == JsonValueKind.Undefined ? Member(name, more) : throw Refuse(at + "/required", $"names {name}, which additionalProperties forbids")));

        return ByteGrammar.Sequence(grammar.Text("{"), Members(members, required, open ? Others(members.Select(m => m.Name), more) : null), grammar.Text("}"));
    }

    private Part Member(string name, Part value) => ByteGrammar.Sequence(grammar.Text('"' + JsonText.Spell(name) + '"'), json.Colon, value);

    /// <summary>Members in order, those that are not required left out or not: two chains of nodes, before the first member and behind it.</summary>
    private Part Members(List<(string Name, Part Pair)> members, HashSet<string> required, Part? others) => next =>
    {
        var following = others is null ? ByteGrammar.Empty : grammar.Star(ByteGrammar.Sequence(json.Comma, others));
        int later = following(next);
        int first = others is null ? next : grammar.Optional(ByteGrammar.Sequence(others, following))(next);
        for (int i = members.Count - 1; i >= 0; i--)
        {
            int pairThenLater = grammar.Call(grammar.Rule(members[i].Pair))(later);
            int separated = json.Comma(pairThenLater);
            bool needed = required.Contains(members[i].Name);
            first = needed ? pairThenLater : Either(pairThenLater, first);
            later = needed ? separated : Either(separated, later);
        }

        return first;
    };

    private int Either(int one, int other) => grammar.Any([_ => one, _ => other])(0);

    /// <summary>A member whose name is none of <paramref name="listed"/>.</summary>
    private Part Others(IEnumerable<string> listed, Part value) => ByteGrammar.Sequence(json.Quoted(NameExcept([.. listed], 0)), json.Colon, value);

    private Part NameExcept(string[] listed, int depth)
    {
        var plain = CodePoints.Of((0, 0x1F), ('"', '"'), ('\\', '\\')).Not();
        if (listed.Length == 0)
            return grammar.Star(plain.Utf8(grammar));

        var parts = new List<Part>();
        if (!listed.Any(name => name.Length == 0))
            parts.Add(ByteGrammar.Empty);

        var byFirst = listed.Where(name => name.Length > 0).GroupBy(name => char.ConvertToUtf32(name, 0)).ToList();
        if (depth >= MostNesting || listed.Any(name => name.Any(char.IsSurrogate)))
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The JSON schema has additionalProperties beside property names longer than {MostNesting} characters or beyond the basic plane, which is not supported.");

        foreach (var group in byFirst)
        {
            if (plain.Contains(group.Key))
                parts.Add(ByteGrammar.Sequence(CodePoints.Of(group.Key).Utf8(grammar), NameExcept([.. group.Select(name => name[1..])], depth + 1)));
        }

        var rest = CodePoints.Of([.. byFirst.Select(group => group.Key)]).Not().And(plain);
        parts.Add(ByteGrammar.Sequence(rest.Utf8(grammar), grammar.Star(plain.Utf8(grammar))));
        return grammar.Any(parts);
    }

    private Part Reference(JsonElement reference, string at)
    {
        string target = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : throw Refuse(at, "must be a string");
        if (references.TryGetValue(target, out int known))
            return grammar.Call(known);

        if (!target.StartsWith('#'))
            throw Refuse(at, "must stay in the document (#...)");

        var found = root;
        foreach (string step in target[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            bool isThere = found.ValueKind == JsonValueKind.Object ? found.TryGetProperty(name, out found)
                : found.ValueKind == JsonValueKind.Array && int.TryParse(name, out int index) && index >= 0 && index < found.GetArrayLength() && (found = found[index]).ValueKind != JsonValueKind.Undefined;
            if (!isThere)
                throw Refuse(at, "leads nowhere");
        }

        int rule = grammar.Declare();
        references.Add(target, rule);
        int kept = nesting;
        grammar.Define(rule, Value(found, target));
        nesting = kept;
        return grammar.Call(rule);
    }

    /// <summary>allOf of objects: their members together.</summary>
    private Part Merged(JsonElement schema, List<JsonElement> all, string at)
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
                foreach (var keyword in part.ValueKind == JsonValueKind.Object ? part.EnumerateObject() : throw Refuse(at + "/allOf", "must hold objects"))
                {
                    if (keyword.Name is not ("properties" or "required" or "additionalProperties" or "allOf" or "type") && !IsIgnored(keyword.Name))
                        throw Refuse(at + "/allOf", $"holds {keyword.Name}; only objects with properties, required and additionalProperties are merged");
                }

                if (!part.TryGetProperty("properties", out var properties))
                    continue;

                foreach (var property in properties.EnumerateObject())
                {
                    if (!met.Add(property.Name))
                        throw Refuse(at + "/allOf", $"describes {property.Name} twice");

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

        using var merged = JsonDocument.Parse(stream.ToArray());
        return Typed(merged.RootElement.Clone(), at);
    }

    private JsonElement Resolved(JsonElement reference, string at)
    {
        string target = reference.GetString() ?? "";
        var found = root;
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
        if (span >= 0)
            return grammar.Call(span);

        var source = texts.ValueKind == JsonValueKind.Object && texts.TryGetProperty("texts", out var given) ? given
            : root.ValueKind == JsonValueKind.Object && root.TryGetProperty("x-edge-texts", out given) ? given : throw Refuse(at + "/x-edge-span", "needs texts: x-edge-texts at the schema's root");
        var all = Items(source, "#/x-edge-texts").Select(t => t.ValueKind == JsonValueKind.String ? t.GetString()! : throw Refuse("#/x-edge-texts", "must hold strings")).ToList();
        span = grammar.Rule(next =>
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
        return grammar.Call(span);

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

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int count) && count is >= 0 and <= ByteGrammar.MostNodes ? count
            : throw Refuse($"{at}/{keyword}", $"must be an integer in 0 to {ByteGrammar.MostNodes}");
    }

    private static List<JsonElement> Items(JsonElement array, string at) => array.ValueKind == JsonValueKind.Array ? [.. array.EnumerateArray()] : throw Refuse(at, "must be an array");

    private static bool IsIgnored(string keyword) => Ignored.Contains(keyword) || (keyword.StartsWith("x-", StringComparison.Ordinal) && keyword != "x-edge-span");

    /// <summary>What System.Text.Json leaves beside a $ref.</summary>
    private static bool SaysNothing(JsonProperty property) => property.Name is "items" or "additionalProperties"
        && (property.Value.ValueKind == JsonValueKind.True || (property.Value.ValueKind == JsonValueKind.Object && property.Value.GetPropertyCount() == 0));

    private static string Pointer(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static EdgeException Refuse(string at, string what) => new(EdgeErrorCode.InvalidArgument, $"The JSON schema's {at} {what}. Change it, or leave it out.");
}
