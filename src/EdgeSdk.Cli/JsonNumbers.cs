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
