using System.Globalization;
using System.Text.Json;
using EdgeSdk.Text.Constraints;
using Json.Schema;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>Schemas as tools in use write them.</summary>
public class SchemaDialectTests
{
    [Theory]
    [InlineData("OpenAI, strict", """{"type":"object","properties":{"location":{"type":"string","description":"City"},"units":{"type":["string","null"],"enum":["celsius","fahrenheit",null]},"steps":{"type":"array","items":{"$ref":"#/$defs/step"}}},"$defs":{"step":{"type":"object","properties":{"explanation":{"type":"string"},"next":{"anyOf":[{"$ref":"#/$defs/step"},{"type":"null"}]}},"required":["explanation","next"],"additionalProperties":false}},"required":["location","units","steps"],"additionalProperties":false}""")]
    [InlineData("Pydantic: models, literals, unions", """{"$defs":{"Cat":{"properties":{"kind":{"const":"cat","enum":["cat"],"title":"Kind","type":"string"},"lives":{"default":9,"exclusiveMinimum":0,"title":"Lives","type":"integer"}},"required":["kind"],"title":"Cat","type":"object"},"Dog":{"properties":{"kind":{"const":"dog","title":"Kind","type":"string"},"weight":{"anyOf":[{"exclusiveMinimum":0.0,"maximum":99.5,"type":"number"},{"type":"null"}],"default":null,"title":"Weight"}},"required":["kind"],"title":"Dog","type":"object"}},"properties":{"pet":{"discriminator":{"mapping":{"cat":"#/$defs/Cat","dog":"#/$defs/Dog"},"propertyName":"kind"},"oneOf":[{"$ref":"#/$defs/Cat"},{"$ref":"#/$defs/Dog"}],"title":"Pet"},"names":{"additionalProperties":{"type":"integer"},"title":"Names","type":"object"}},"required":["pet","names"],"title":"Owner","type":"object"}""")]
    [InlineData("Pydantic: formats", """{"properties":{"u":{"format":"uri","maxLength":2083,"minLength":1,"title":"U","type":"string"},"d":{"format":"duration","type":"string"},"w":{"format":"date-time","type":"string"},"i":{"format":"uuid","type":"string"},"p":{"format":"password","type":"string","writeOnly":true},"f":{"format":"file-path","type":"string"},"t":{"maxItems":2,"minItems":2,"prefixItems":[{"type":"integer"},{"type":"string"}],"type":"array"},"s":{"items":{"type":"string"},"type":"array","uniqueItems":false}},"required":["u","d","w","i","p","f","t","s"],"title":"M","type":"object"}""")]
    [InlineData("zod-to-json-schema", """{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"age":{"type":"integer","exclusiveMinimum":0},"mail":{"type":"string","format":"email"},"pair":{"type":"array","minItems":2,"maxItems":2,"items":[{"type":"string"},{"type":"number"}]},"kind":{"type":"string","enum":["a","b"]},"of":{"type":["string","null"]},"extra":{"type":"object","additionalProperties":{"type":"number"}},"lit":{"type":"boolean","const":true}},"required":["age","mail","pair","of","extra","lit"],"additionalProperties":false}""")]
    [InlineData("zod 4", """{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"n":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991},"r":{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"string","minLength":1}},"u":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["n","r","u"],"additionalProperties":false}""")]
    [InlineData("draft 4 and OpenAPI 3.0", """{"type":"object","properties":{"a":{"type":"number","minimum":0,"exclusiveMinimum":true,"maximum":1.5,"exclusiveMaximum":false}},"required":["a"],"x-order":1}""")]
    [InlineData(".NET: polymorphic", """{"type":"object","required":["$type"],"anyOf":[{"properties":{"$type":{"const":"circle"},"radius":{"type":"number"}}},{"properties":{"$type":{"const":"square"},"side":{"type":["string","integer"],"pattern":"^-?(?:0|[1-9]\\d*)$"}}}]}""")]
    public void A_schema_of_this_origin_is_written_by(string origin, string schema)
    {
        var validator = JsonSchema.FromText(Draft2020(schema));
        for (int seed = 1; seed <= 12; seed++)
        {
            string text = ConstrainedWriter.Write(Constraint.JsonSchema(schema), new Random(seed), extra: seed * 8);
            using var written = JsonDocument.Parse(text);
            Assert.True(validator.Evaluate(written.RootElement, new() { RequireFormatValidation = true }).IsValid, $"{origin}, seed {seed}: {text}");
        }
    }

    [Theory]
    [InlineData(typeof(Order))]
    [InlineData(typeof(Dictionary<string, int?>))]
    [InlineData(typeof(DayOfWeek?))]
    [InlineData(typeof(TimeSpan))]
    [InlineData(typeof(decimal))]
    public void A_schema_that_Microsoft_Extensions_AI_makes_is_written_by(Type type)
    {
        string schema = AIJsonUtilities.CreateJsonSchema(type).GetRawText();
        var validator = JsonSchema.FromText(schema);
        for (int seed = 1; seed <= 12; seed++)
        {
            string text = ConstrainedWriter.Write(Constraint.JsonSchema(schema), new Random(seed), extra: seed * 8);
            using var written = JsonDocument.Parse(text);
            Assert.True(validator.Evaluate(written.RootElement, new() { RequireFormatValidation = true }).IsValid, $"seed {seed}: {schema} gave {text}");
        }
    }

    [Theory]
    [InlineData("int8", sbyte.MinValue, sbyte.MaxValue)]
    [InlineData("uint8", 0, byte.MaxValue)]
    [InlineData("int16", short.MinValue, short.MaxValue)]
    [InlineData("uint16", 0, ushort.MaxValue)]
    [InlineData("int32", int.MinValue, int.MaxValue)]
    [InlineData("uint32", 0, uint.MaxValue)]
    [InlineData("uint64", 0, long.MaxValue)]
    [InlineData("int64", long.MinValue, long.MaxValue)]
    public void The_format_of_an_integer_bounds_it(string format, long least, long most)
    {
        var constraint = Constraint.JsonSchema($$"""{"type":"integer","format":"{{format}}"}""");
        for (int seed = 1; seed <= 40; seed++)
            Assert.InRange(long.Parse(ConstrainedWriter.Write(constraint, new Random(seed), extra: seed), CultureInfo.InvariantCulture), least, most);
    }

    [Theory]
    [InlineData("""{"type":"string","contentEncoding":"base64","contentMediaType":"image/png"}""")]
    [InlineData("""{"type":"string","format":"byte"}""")]
    public void Bytes_are_written_in_base64(string schema)
    {
        for (int seed = 1; seed <= 40; seed++)
            Assert.NotNull(JsonSerializer.Deserialize<byte[]>(ConstrainedWriter.Write(Constraint.JsonSchema(schema), new Random(seed), extra: seed)));
    }

    [Fact]
    public void Every_number_fits_into_a_decimal()
    {
        bool hasExponent = false;
        for (int seed = 1; seed <= 300; seed++)
        {
            string text = ConstrainedWriter.Write(Constraint.JsonSchema("""{"type":"number"}"""), new Random(seed), extra: seed % 40);
            hasExponent |= text.Contains('e', StringComparison.OrdinalIgnoreCase);
            JsonSerializer.Deserialize<decimal>(text);
        }

        Assert.True(hasExponent, "no number had an exponent");
    }

    [Theory]
    [InlineData("contentEncoding", """{"type":"string","contentEncoding":"base32"}""")]
    [InlineData("multipleOf", """{"type":"number","multipleOf":0.01}""")]
    [InlineData("not", """{"not":{}}""")]
    [InlineData("if", """{"type":"object","if":{},"then":{}}""")]
    [InlineData("patternProperties", """{"type":"object","patternProperties":{"^a":{}}}""")]
    [InlineData("uniqueItems", """{"type":"array","items":{"type":"string"},"uniqueItems":true}""")]
    [InlineData("minProperties", """{"type":"object","minProperties":1}""")]
    [InlineData("propertyNames", """{"type":"object","propertyNames":{"pattern":"a"}}""")]
    [InlineData("contains", """{"type":"array","contains":{}}""")]
    [InlineData("format", """{"type":"string","format":"iri"}""")]
    [InlineData("format", """{"type":"string","format":"uuid","maxLength":10}""")]
    [InlineData("bounds", """{"type":"integer","minimum":1.2,"maximum":1.8}""")]
    [InlineData("maxLength", """{"type":"string","maxLength":1000001}""")]
    public void What_is_not_supported_is_named(string named, string schema) =>
        Assert.Contains(named, Assert.Throws<EdgeException>(() => Constraint.JsonSchema(schema)).Message, StringComparison.Ordinal);

    /// <summary>The same in the one dialect that the oracle reads.</summary>
    private static string Draft2020(string schema) => schema
        .Replace("\"$schema\":\"http://json-schema.org/draft-07/schema#\",", "", StringComparison.Ordinal)
        .Replace("\"items\":[", "\"prefixItems\":[", StringComparison.Ordinal)
        .Replace("\"minimum\":0,\"exclusiveMinimum\":true,\"maximum\":1.5,\"exclusiveMaximum\":false", "\"exclusiveMinimum\":0,\"maximum\":1.5", StringComparison.Ordinal)
        .Replace("""
            "discriminator":{"mapping":{"cat":"#/$defs/Cat","dog":"#/$defs/Dog"},"propertyName":"kind"},
            """, "", StringComparison.Ordinal)
        .Replace(",\"x-order\":1", "", StringComparison.Ordinal);

    /// <summary>What an app's tools take.</summary>
    internal sealed record Order(Guid Id, string Name, DateTimeOffset At, Uri Link, DateOnly Day, TimeSpan For, decimal Price, double? Weight, List<Line> Lines, Order? Before, DayOfWeek Weekday, char Mark, bool Gift = false);

    /// <summary>A part of one.</summary>
    internal sealed record Line(string Sku, int Count, IReadOnlyDictionary<string, string> Options);
}
