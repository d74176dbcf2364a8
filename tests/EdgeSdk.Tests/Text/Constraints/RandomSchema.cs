using System.Globalization;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>Schemas of all keywords that are supported, drawn at random.</summary>
internal static class RandomSchema
{
    private static readonly string[] s_formats = ["date", "time", "date-time", "duration", "uuid", "email", "hostname", "uri", "ipv4", "ipv6"];

    public static string Draw(Random random, int depth)
    {
        string Inner() => Draw(random, depth - 1);
        string Count() => Number(random.Next(4));
        int least = random.Next(4);
        return random.Next(depth > 0 ? 22 : 14) switch
        {
            0 => """{"type":"string","title":"T","description":"d","default":"x","examples":["a"]}""",
            1 => $$"""{"type":"integer","minimum":{{Number(random.Next(-300, 50))}},"maximum":{{Number(random.Next(50, 5000))}}}""",
            2 => """{"type":["boolean","null"]}""",
            3 => """{"enum":["a","b c",3,null,{"x":[1,true]}]}""",
            4 => Numbers(random),
            5 => """{"type":"string","pattern":"^[A-Z]{2}[0-9\"]+$"}""",
            6 => """{"const":"x\ny"}""",
            7 => $$"""{"type":"string","minLength":{{Number(least)}},"maxLength":{{Number(least + random.Next(40))}}}""",
            8 => $$"""{"type":"string","format":"{{s_formats[random.Next(s_formats.Length)]}}"}""",
            9 => """{"type":"string","pattern":"a+|\\d\\s"}""",
            10 => """{"type":["string","integer","null"],"minLength":1,"minimum":3}""",
            11 => """{"type":"string","enum":["a",null,"é😀",1]}""",
            12 => $$"""{"type":"integer","exclusiveMinimum":{{Number(random.Next(-9, 9))}}.5}""",
            13 => """{"type":"number"}""",
            14 => $$"""{"type":"array","items":{{Inner()}},"minItems":{{Number(least)}},"maxItems":{{Number(least + random.Next(3))}}}""",
            15 => $$"""{"anyOf":[{{Inner()}},{{Inner()}}]}""",
            16 => $$"""{"type":"object","properties":{"a":{{Inner()}},"b":{{Inner()}},"c":{{Inner()}}},"required":["b"],"additionalProperties":false}""",
            17 => $$"""{"type":"object","properties":{"ab":{{Inner()}},"é":true},"required":["z"],"additionalProperties":{{Inner()}}}""",
            18 => $$"""{"type":"array","prefixItems":[{{Inner()}},{{Inner()}}],"items":{{Inner()}},"minItems":{{Count()}},"maxItems":4}""",
            19 => $$"""{"allOf":[{"type":"object","properties":{"a":{{Inner()}} } },{"properties":{"b":{{Inner()}} },"required":["b"]}]}""",
            20 => $$"""{"type":"object","required":["t"],"anyOf":[{"properties":{"t":{"const":"A"},"v":{{Inner()}} } },{"properties":{"t":{"const":"B"} } }]}""",
            _ => $$"""{"type":["array","null"],"items":{{Inner()}}}""",
        };
    }

    /// <summary>Bounds with up to three digits behind the point, open or closed, apart by a little or a lot.</summary>
    private static string Numbers(Random random)
    {
        decimal scale = 1;
        for (int digits = random.Next(4); digits > 0; digits--)
            scale /= 10;

        decimal least = random.Next(-2000, 2000) * scale, most = least + random.Next(1, 3000) * scale;
        string low = random.Next(2) == 0 ? "minimum" : "exclusiveMinimum", high = random.Next(2) == 0 ? "maximum" : "exclusiveMaximum";
        return random.Next(4) switch
        {
            0 => $$"""{"type":"number","{{low}}":{{Number(least)}}}""",
            1 => $$"""{"type":"number","{{high}}":{{Number(most)}}}""",
            _ => $$"""{"type":"number","{{low}}":{{Number(least)}},"{{high}}":{{Number(most)}}}""",
        };
    }

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
