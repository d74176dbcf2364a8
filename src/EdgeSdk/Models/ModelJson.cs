using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EdgeSdk.Models;

/// <summary>Reading and writing of the JSON files of a model folder: unknown fields are left alone, known ones must be of their type.</summary>
internal static class ModelJson
{
    private static readonly ModelJsonContext Json = new(new JsonSerializerOptions(ModelJsonContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static JsonTypeInfo<EdgeManifest> EdgeManifest => Json.EdgeManifest;

    public static JsonTypeInfo<GenaiConfig> GenaiConfig => Json.GenaiConfig;

    /// <summary>Parses a file; the caller disposes the document.</summary>
    /// <exception cref="EdgeException">The file cannot be read, or is no JSON object.</exception>
    public static JsonDocument Parse(string path)
    {
        try
        {
            ReadOnlyMemory<byte> bytes = File.ReadAllBytes(path);
            var document = JsonDocument.Parse(bytes.Span.StartsWith(Encoding.UTF8.Preamble) ? bytes[3..] : bytes);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;

            document.Dispose();
            throw new JsonException("it holds no object");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} cannot be read: {e.Message} Download or convert the model again.", e);
        }
    }

    /// <summary>Takes what <typeparamref name="T"/> names out of a document.</summary>
    /// <param name="document">The file's content.</param>
    /// <param name="type">What is read.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="EdgeException">A field is missing or of another type.</exception>
    public static T Read<T>(JsonDocument document, JsonTypeInfo<T> type, string path)
    {
        try
        {
            return document.Deserialize(type)!;
        }
        catch (JsonException e)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path}: {e.Message} Download or convert the model again.", e);
        }
    }

    /// <summary>Writes beside <paramref name="path"/> and renames, so that a reader sees the old file or the new one.</summary>
    public static void Write<T>(string path, T value, JsonTypeInfo<T> type)
    {
        string partial = path + ".partial";
        try
        {
            using (var file = File.Create(partial))
            {
                JsonSerializer.Serialize(file, value, type);
                file.WriteByte((byte)'\n');
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    WriteIndented = true)]
[JsonSerializable(typeof(EdgeManifest))]
[JsonSerializable(typeof(GenaiConfig))]
internal sealed partial class ModelJsonContext : JsonSerializerContext;
