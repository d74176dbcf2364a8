using System.Text.Json;

namespace EdgeSdk.Cli;

/// <summary>Arrays of numbers, and numbers that may not be there.</summary>
internal static class JsonNumbers
{
    public static void WriteNumbers(this Utf8JsonWriter json, string name, IEnumerable<int> values)
    {
        json.WriteStartArray(name);
        foreach (int value in values)
            json.WriteNumberValue(value);

        json.WriteEndArray();
    }

    public static void WriteNumbers(this Utf8JsonWriter json, string name, IEnumerable<float> values)
    {
        json.WriteStartArray(name);
        foreach (float value in values)
            json.WriteNumberValue(value);

        json.WriteEndArray();
    }

    /// <summary>The tokens of a text as <c>token_ids</c> and <c>log_probs</c>, which is null where its writer did not tell one.</summary>
    public static void WriteTokens(this Utf8JsonWriter json, IEnumerable<EdgeToken> tokens)
    {
        json.WriteNumbers("token_ids", tokens.Select(token => token.Id));
        json.WriteStartArray("log_probs");
        foreach (var token in tokens)
        {
            if (token.LogProb is { } logProb)
                json.WriteNumberValue(logProb);
            else
                json.WriteNullValue();
        }

        json.WriteEndArray();
    }

    /// <summary>Three decimals are what a clock or a ratio is good for; what is not known is null.</summary>
    public static void WriteMeasured(this Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, Math.Round(value, 3));
        else
            json.WriteNull(name);
    }

    /// <summary>An array of such.</summary>
    public static void WriteMeasured(this Utf8JsonWriter json, string name, IEnumerable<double> values)
    {
        json.WriteStartArray(name);
        foreach (double value in values)
        {
            if (double.IsFinite(value))
                json.WriteNumberValue(Math.Round(value, 3));
            else
                json.WriteNullValue();
        }

        json.WriteEndArray();
    }
}
